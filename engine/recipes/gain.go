//go:build torch

package recipes

import (
	"context"
	"fmt"

	"elara/engine/nn"
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
	tokens := make([][]int32, len(prompts))
	for i, p := range prompts {
		tokens[i] = b.tok.EncodeWithSpecial(p)
	}
	sums := make([][]float64, len(answers)) // of each answer behind its own prompt, and behind others
	left, lengths := make([]int, len(answers)), make([]int, len(answers))
	var list []sequence
	var of []place
	for i, answer := range answers {
		text := b.tok.Encode(answer)
		if lengths[i] = len(text); len(text) == 0 {
			report(1)
			continue
		}
		behind := append([]int{i}, strangers(prompts, i, others)...)
		if len(behind) == 1 {
			return nil, fault.New(fault.Invalid, "all %d prompts are of the same words: expected another to hold answers against", len(prompts))
		}
		sums[i], left[i] = make([]float64, len(behind)), len(behind)
		for n, p := range behind {
			s, err := continued(tokens[p], text, int(b.model.Facts().MaxPositions))
			if err != nil {
				return nil, fmt.Errorf("answer %d: %w", i+1, err)
			}
			list, of = append(list, s), append(of, place{i, n})
		}
	}
	err := predict(ctx, r.Engine, b.model, nn.NoAdapter, list, false, func(number int, made []prediction) error {
		at := of[number]
		for _, p := range made {
			sums[at.item][at.choice] += p.logProb
		}
		if left[at.item]--; left[at.item] == 0 {
			report(1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	gains := make([]float64, len(answers))
	for i, of := range sums {
		if of == nil {
			continue
		}
		if gains[i], err = relevance.Gain(of[0], of[1:], lengths[i]); err != nil {
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

// continued is an answer behind a prompt, which loses its beginning where both together are too long.
func continued(prompt, answer []int32, positions int) (sequence, error) {
	if len(prompt) == 0 || len(answer) > positions {
		return sequence{}, fault.New(fault.Invalid, "a prompt of %d tokens and an answer of %d: expected some, and at most %d, which the model has positions for", len(prompt), len(answer), positions)
	}
	whole := append(append([]int32{}, prompt...), answer...)
	if most := positions + 1; len(whole) > most { // the last token is predicted, not read
		whole = whole[len(whole)-most:]
	}
	return sequence{tokens: whole, scored: len(answer)}, nil
}
