package accuracy

import (
	"fmt"

	"elara/scoring/measure"
)

// Item is a labelled answer.
type Item struct {
	ID        string `json:"id"`
	Group     string `json:"group"` // the question
	Kind      string `json:"kind"`  // of the wording, or of what was corrupted
	Question  string `json:"question"`
	Reference string `json:"reference"`
	Answer    string `json:"answer"`
	Good      bool   `json:"good"`
}

// Key is what package labelled asks for.
func (i Item) Key() (id, group string) { return i.ID, i.Group }

// Figures say how well the score tells good answers from corrupted ones.
type Figures struct {
	AUC    measure.Interval // bootstrapped over questions
	Pairs  measure.Interval // share of pairs of one question in which the good answer scores higher
	ByKind map[string]measure.Interval
	Scores []float64 // by item
	Wrong  []string  // one line for each corrupted answer that is not below every good one of its question
}

// Measure scores all items; seed is that of the bootstrap.
func Measure(scorer *Scorer, items []Item, seed uint64) (Figures, error) {
	f := Figures{ByKind: map[string]measure.Interval{}, Scores: make([]float64, len(items))}
	groups, order := map[string][]int{}, []string{}
	for i, item := range items {
		score, err := scorer.Score(item.Reference, item.Answer)
		if err != nil {
			return Figures{}, fmt.Errorf("%s: %w", item.ID, err)
		}
		f.Scores[i] = score.Value
		if groups[item.Group] == nil {
			order = append(order, item.Group)
		}
		groups[item.Group] = append(groups[item.Group], i)
	}
	f.AUC = measure.Bootstrap(seed, len(order), func(units []int) float64 {
		var good, corrupted []float64
		for _, unit := range units {
			for _, i := range groups[order[unit]] {
				if items[i].Good {
					good = append(good, f.Scores[i])
				} else {
					corrupted = append(corrupted, f.Scores[i])
				}
			}
		}
		return measure.AUC(good, corrupted)
	})
	f.comparePairs(items, groups, order)
	return f, nil
}

func (f *Figures) comparePairs(items []Item, groups map[string][]int, order []string) {
	won, all := map[string]int{}, map[string]int{}
	for _, group := range order {
		for _, bad := range groups[group] {
			if items[bad].Good {
				continue
			}
			isBelow := true
			for _, good := range groups[group] {
				if !items[good].Good {
					continue
				}
				for _, kind := range []string{"", items[bad].Kind} {
					all[kind]++
					if f.Scores[good] > f.Scores[bad] {
						won[kind]++
					}
				}
				isBelow = isBelow && f.Scores[good] > f.Scores[bad]
			}
			if !isBelow {
				f.Wrong = append(f.Wrong, fmt.Sprintf("%s %s (%s) scores %.3f: %s", items[bad].ID, group, items[bad].Kind, f.Scores[bad], items[bad].Answer))
			}
		}
	}
	for kind, n := range all {
		f.ByKind[kind] = measure.Share(won[kind], n)
	}
	f.Pairs = f.ByKind[""]
	delete(f.ByKind, "")
}
