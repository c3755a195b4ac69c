package rewards

import (
	"context"
	"math"

	"elara/spec"
	"elara/spec/fault"
)

// Answer is what is scored.
type Answer struct {
	Prompt string `json:"prompt"`
	Text   string `json:"answer"`
}

// Scorer gives each answer a score; higher is better.
type Scorer interface {
	Score(ctx context.Context, answers []Answer) ([]float64, error)
}

// Known is a Scorer of answers whose scores are computed already, in their order.
type Known []float64

// Score implements Scorer.
func (k *Known) Score(context.Context, []Answer) ([]float64, error) { return *k, nil }

// Mix is a weighted sum of scorers.
type Mix struct{ parts []part }

type part struct {
	name   string
	weight float64
	scorer Scorer
}

// New makes the sum that a configuration asks for. model scores for the kind reward; it may be nil where there is none.
func New(list []spec.Scorer, model Scorer) (*Mix, error) {
	if i, err := Check(list); err != nil {
		return nil, named(list[i].Name, err)
	}
	m := &Mix{}
	for _, c := range list {
		of, err := scorer(c, model)
		if err != nil {
			return nil, err
		}
		m.parts = append(m.parts, part{name: c.Name, weight: c.Weight, scorer: of})
	}
	return m, nil
}

// Score gives the total of each answer, and by the scorers' names what each of them said, unweighted.
func (m *Mix) Score(ctx context.Context, answers []Answer) (totals []float64, parts map[string][]float64, err error) {
	totals, parts = make([]float64, len(answers)), map[string][]float64{}
	for _, p := range m.parts {
		scores, err := p.scorer.Score(ctx, answers)
		if err != nil {
			return nil, nil, named(p.name, err)
		}
		if len(scores) != len(answers) {
			return nil, nil, named(p.name, fault.New(fault.Invalid, "%d scores for %d answers", len(scores), len(answers)))
		}
		for i, s := range scores {
			if math.IsNaN(s) || math.IsInf(s, 0) {
				return nil, nil, named(p.name, fault.New(fault.Diverged, "the score of answer %d is %v", i+1, s))
			}
			totals[i] += p.weight * s
		}
		parts[p.name] = scores
	}
	return totals, parts, nil
}

// named says which scorer an error is of, and keeps its kind.
func named(name string, err error) error {
	return fault.New(fault.KindOf(err), "scorer %q: %w", name, err)
}
