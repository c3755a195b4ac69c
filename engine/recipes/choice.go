//go:build torch

package recipes

import (
	"context"

	"elara/scoring/choice"
	"elara/spec/fault"
)

// Choose gives the log-likelihood of every choice of every item, in float32 arithmetic, as lm-evaluation-harness computes it. A
// prompt is computed once for all its choices.
func (r *Runner) Choose(ctx context.Context, path, adapter string, items []choice.Item) ([][]choice.Likelihood, error) {
	var all [][]choice.Likelihood
	err := r.open(ctx, path, adapter, func(b *base, slot int) (err error) {
		all, err = r.likelihoods(ctx, b, slot, items)
		return err
	})
	return all, err
}

// likelihoods is Choose over an adapter that sits on a base.
func (r *Runner) likelihoods(ctx context.Context, b *base, slot int, items []choice.Item) ([][]choice.Likelihood, error) {
	all := make([][]choice.Likelihood, len(items))
	var list []sequence
	var of []*choice.Likelihood // what each sequence is scored for
	for i, item := range items {
		requests, err := choice.Requests(item, b.tok.EncodeWithSpecial, int(b.model.Facts().MaxPositions))
		if err != nil {
			return nil, fault.New(fault.Invalid, "item %s: %w", item.ID, err)
		}
		all[i] = make([]choice.Likelihood, len(requests))
		for n, q := range requests {
			list, of = append(list, sequence{q.Tokens, q.Scored}), append(of, &all[i][n])
		}
	}
	err := predict(ctx, r.Engine, b.model, slot, list, false, func(number int, made []prediction) error {
		of[number].Tokens = len(made)
		for _, p := range made {
			of[number].Sum += p.logProb
		}
		return nil
	})
	return all, err
}
