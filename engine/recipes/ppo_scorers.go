//go:build torch

package recipes

import (
	"context"

	"elara/data/instruct"
	"elara/rewards"
	"elara/spec"
)

// scorers says what the answers of a policy are worth where that is more than the reward model's word: by their text, in a weighted
// sum in which the reward model is one of several.
type scorers struct {
	list   []spec.Scorer
	mix    *rewards.Mix
	model  rewards.Known // of the answers that are scored now
	center float64       // of the reward model
}

// newScorers makes the sum of a list. hasModel says whether a reward model takes part where the list asks for it.
func newScorers(list []spec.Scorer, hasModel bool, center float64) (*scorers, error) {
	s := &scorers{list: list, center: center}
	var model rewards.Scorer
	if hasModel {
		model = &s.model
	}
	var err error
	s.mix, err = rewards.New(list, model)
	return s, err
}

// score fills in scores and their parts. What the reward model says of the answers is in their scores already, if there is one.
func (s *scorers) score(ctx context.Context, episodes []*episode, text func(ids []int32) string) error {
	s.model = s.model[:0]
	asked := make([]rewards.Answer, len(episodes))
	for n, e := range episodes {
		s.model = append(s.model, e.score-s.center)
		asked[n] = rewards.Answer{Prompt: text(e.prompt), Text: text(e.answer)}
		if question, _, isTemplate := instruct.Split(asked[n].Prompt); isTemplate {
			asked[n].Prompt = question
		}
	}
	totals, parts, err := s.mix.Score(ctx, asked)
	if err != nil {
		return err
	}
	for n, e := range episodes {
		e.score, e.parts = totals[n], nil
		for _, c := range s.list {
			e.parts = append(e.parts, parts[c.Name][n])
		}
	}
	return nil
}

// measure adds the mean of what each scorer said, unweighted, as scorers/NAME.
func (s *scorers) measure(m map[string]float64, episodes []*episode) {
	for i, c := range s.list {
		for _, e := range episodes {
			m["scorers/"+c.Name] += e.parts[i] / float64(len(episodes))
		}
	}
}
