package rewards

import (
	"context"
	"math"
	"slices"
	"strings"

	"elara/scoring/safety"
)

// length scores how near an answer comes to a number of words: 0 there, and -1 where it is off by as many again.
type length struct{ words int }

// Score implements Scorer.
func (l length) Score(_ context.Context, answers []Answer) ([]float64, error) {
	scores := make([]float64, len(answers))
	for i, a := range answers {
		scores[i] = -math.Abs(float64(len(strings.Fields(a.Text))-l.words)) / float64(l.words)
	}
	return scores, nil
}

// safe scores -1 for every safety rule that an answer breaks.
type safe struct {
	judge *safety.Rules
	rules []safety.Rule
}

// Score implements Scorer.
func (s safe) Score(_ context.Context, answers []Answer) ([]float64, error) {
	scores := make([]float64, len(answers))
	for i, a := range answers {
		broken := map[safety.Rule]bool{}
		for _, f := range s.judge.Judge(a.Prompt, a.Text) {
			if slices.Contains(s.rules, f.Rule) {
				broken[f.Rule] = true
			}
		}
		scores[i] = -float64(len(broken))
	}
	return scores, nil
}
