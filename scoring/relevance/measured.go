package relevance

import (
	"fmt"

	"elara/scoring/measure"
)

// Item is a labelled pair.
type Item struct {
	ID       string `json:"id"`
	Group    string `json:"group"`
	Kind     string `json:"kind"`
	Question string `json:"question"`
	Answer   string `json:"answer"`
	Label    string `json:"label"` // "answers", or the fault
}

// Key is what package labelled asks for.
func (i Item) Key() (id, group string) { return i.ID, i.Group }

// Figures say how well right pairs are told from shuffled ones, and how well faults are found.
type Figures struct {
	AUC    measure.Interval // right pairs against the same answers under other questions, bootstrapped over answers
	Rank   measure.Interval // mean reciprocal rank among Distractors others
	Faults measure.Counts   // empty, echo, refusal; right only with the right name
	Wrong  []string         // one line for each error
}

// Distractors is how many other questions an answer is compared with.
const Distractors = 20

// Measure scores all items; seed is that of the shuffling, of the distractors and of the bootstrap.
func Measure(scorer *Scorer, items []Item, seed uint64) Figures {
	var f Figures
	var pairs []Item
	for _, item := range items {
		found := scorer.Score(item.Question, item.Answer, nil).Fault
		f.countFault(item, found)
		if item.Label == "answers" {
			pairs = append(pairs, item)
		}
	}
	right, shuffled, ranks := make([]float64, len(pairs)), make([]float64, len(pairs)), make([]float64, len(pairs))
	order := measure.Order(seed, len(pairs))
	for i, item := range pairs {
		place := placeOf(order, i)
		var others []string
		for n := 1; n <= Distractors; n++ {
			others = append(others, pairs[order[(place+n)%len(order)]].Question)
		}
		wrong := others[0]
		score := scorer.Score(item.Question, item.Answer, others)
		right[i], ranks[i] = score.Value, score.ReciprocalRank()
		shuffled[i] = scorer.Score(wrong, item.Answer, append(others[1:], item.Question)).Value
		if right[i] <= shuffled[i] || score.Rank > 1 {
			f.Wrong = append(f.Wrong, fmt.Sprintf("%s rank %d, %.3f against %.3f for %q: %s", item.ID, score.Rank, right[i], shuffled[i], wrong, item.Question))
		}
	}
	f.AUC = AUC(seed, right, shuffled)
	f.Rank, _ = measure.Mean(ranks)
	return f
}

// AUC is that of right pairs against the same answers under other questions, bootstrapped over answers.
func AUC(seed uint64, right, shuffled []float64) measure.Interval {
	return measure.Bootstrap(seed, len(right), func(units []int) float64 {
		return measure.AUC(at(right, units), at(shuffled, units))
	})
}

// Pairs are the right ones among items, in the order in which Measure gives each answer the question of the next one.
func Pairs(items []Item, seed uint64) []Item {
	var pairs, ordered []Item
	for _, item := range items {
		if item.Label == "answers" {
			pairs = append(pairs, item)
		}
	}
	for _, place := range measure.Order(seed, len(pairs)) {
		ordered = append(ordered, pairs[place])
	}
	return ordered
}

func (f *Figures) countFault(item Item, found Fault) {
	isWanted := item.Label != "answers"
	switch {
	case isWanted && string(found) == item.Label:
		f.Faults.TruePositives++
		return
	case !isWanted && found == None:
		f.Faults.TrueNegatives++
		return
	case isWanted:
		f.Faults.FalseNegatives++
	default:
		f.Faults.FalsePositives++
	}
	f.Wrong = append(f.Wrong, fmt.Sprintf("%s is %s, found %q: %s", item.ID, item.Label, found, item.Answer))
}

func placeOf(order []int, number int) int {
	for place, n := range order {
		if n == number {
			return place
		}
	}
	return 0
}

func at(values []float64, units []int) []float64 {
	all := make([]float64, len(units))
	for i, unit := range units {
		all[i] = values[unit]
	}
	return all
}
