//go:build torch

package recipes

import (
	"context"
	"fmt"

	"elara/engine/nn"
	"elara/scoring/choice"
	"elara/scoring/relevance"
	"elara/spec/fault"
)

// Gains says how much likelier each answer is behind its own prompt than behind those of so many other answers, in nats per token: the
// next ones in the list, the first following the last, without any of the same words. The model is a yardstick, in float32. An empty answer
// gains 0.
func (r *Runner) Gains(ctx context.Context, path string, prompts, answers []string, others int) ([]float64, error) {
	var gains []float64
	err := r.open(ctx, path, "", func(b *base, _ int) (err error) {
		gains, err = r.gains(ctx, b, prompts, answers, others, func(int) {})
		return err
	})
	return gains, err
}

// gains is Gains over a base, in its own type. report is told how many answers are done.
func (r *Runner) gains(ctx context.Context, b *base, prompts, answers []string, others int, report func(answers int)) ([]float64, error) {
	positions := int(b.model.Facts().MaxPositions)
	tokens := make([][]int32, len(prompts))
	for i, p := range prompts {
		tokens[i] = b.tok.EncodeWithSpecial(p)
	}
	asked := make([][]choice.Request, len(answers)) // each answer behind its own prompt, then behind others; none where it is empty
	for i, answer := range answers {
		text := b.tok.Encode(answer)
		if len(text) == 0 {
			continue
		}
		behind := append([]int{i}, strangers(prompts, i, others)...)
		if len(behind) == 1 {
			return nil, fault.New(fault.Invalid, "all %d prompts are of the same words: expected another to hold answers against", len(prompts))
		}
		for _, p := range behind {
			if len(tokens[p]) == 0 || len(text) > positions {
				return nil, fault.New(fault.Invalid, "answer %d: a prompt of %d tokens and an answer of %d: expected some, and at most %d, which the model has positions for", i+1, len(tokens[p]), len(text), positions)
			}
			asked[i] = append(asked[i], choice.Fit(tokens[p], text, positions))
		}
	}
	scored, err := r.scoreAll(ctx, b, nn.NoAdapter, asked, report)
	if err != nil {
		return nil, err
	}
	gains := make([]float64, len(answers))
	for i, of := range scored {
		if len(of) == 0 {
			continue
		}
		var elsewhere []float64
		for _, other := range of[1:] {
			elsewhere = append(elsewhere, other.Sum)
		}
		if gains[i], err = relevance.Gain(of[0].Sum, elsewhere, of[0].Tokens); err != nil {
			return nil, fmt.Errorf("answer %d: %w", i+1, err)
		}
	}
	return gains, nil
}

// strangers are the next prompts behind the i-th, as many as there are up to most, that have other words than it.
func strangers(prompts []string, i, most int) []int {
	var found []int
	for n := 1; n < len(prompts) && len(found) < most; n++ {
		if other := (i + n) % len(prompts); prompts[other] != prompts[i] {
			found = append(found, other)
		}
	}
	return found
}
