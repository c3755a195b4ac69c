package tone

import (
	"fmt"
	"strings"

	"elara/scoring/measure"
	"elara/spec"
)

// Item is a labelled text.
type Item struct {
	ID       string        `json:"id"`
	Group    string        `json:"group"`
	Audience spec.Audience `json:"audience"`
	Text     string        `json:"text"`
}

// Key is what package labelled asks for.
func (i Item) Key() (id, group string) { return i.ID, i.Group }

// Figures say how well audiences are told apart.
type Figures struct {
	MacroF1    measure.Interval // bootstrapped over texts
	ByAudience map[spec.Audience]measure.Counts
	Length     float64  // macro-F1 of the baseline that knows the number of words only
	Wrong      []string // one line for each error
}

// Measure classifies all items; the length baseline is fitted on train. seed is that of the bootstrap.
func Measure(s *Speaker, items, train []Item, seed uint64) Figures {
	f := Figures{ByAudience: map[spec.Audience]measure.Counts{}}
	truth, guess, byLength := make([]string, len(items)), make([]string, len(items)), make([]string, len(items))
	baseline := fitLength(train)
	for i, item := range items {
		truth[i] = string(item.Audience)
		ranking := s.Ranking(s.Read(item.Text))
		guess[i] = string(ranking[0].Audience)
		byLength[i] = baseline.guess(item.Text)
		if guess[i] != truth[i] {
			f.Wrong = append(f.Wrong, fmt.Sprintf("%s is %s, found %v: %s", item.ID, truth[i], ranking, item.Text))
		}
	}
	for _, audience := range spec.Audiences() {
		f.ByAudience[audience] = measure.Label(truth, guess, string(audience))
	}
	f.Length = measure.MacroF1(truth, byLength)
	f.MacroF1 = measure.Bootstrap(seed, len(items), func(units []int) float64 {
		t, g := make([]string, len(units)), make([]string, len(units))
		for i, unit := range units {
			t[i], g[i] = truth[unit], guess[unit]
		}
		return measure.MacroF1(t, g)
	})
	return f
}

// lengthBaseline guesses the most frequent label of the texts that are about as long.
type lengthBaseline struct{ lengths map[int]map[string]int }

const lengthBucket = 8 // words

func fitLength(train []Item) lengthBaseline {
	b := lengthBaseline{map[int]map[string]int{}}
	for _, item := range train {
		bucket := len(strings.Fields(item.Text)) / lengthBucket
		if b.lengths[bucket] == nil {
			b.lengths[bucket] = map[string]int{}
		}
		b.lengths[bucket][string(item.Audience)]++
	}
	return b
}

func (b lengthBaseline) guess(content string) string {
	counts := b.lengths[len(strings.Fields(content))/lengthBucket]
	best := string(spec.General)
	for _, audience := range spec.Audiences() {
		if counts[string(audience)] > counts[best] {
			best = string(audience)
		}
	}
	return best
}
