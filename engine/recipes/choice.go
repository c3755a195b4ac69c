//go:build torch

package recipes

import (
	"context"

	"elara/scoring/choice"
	"elara/spec"
	"elara/spec/fault"
)

// Choose gives the log-likelihood of every choice of every item, in float32 arithmetic, as lm-evaluation-harness computes it. A
// prompt is computed once for all its choices.
func (r *Runner) Choose(ctx context.Context, path, adapter string, items []spec.ChoiceItem) ([][]spec.Likelihood, error) {
	var all [][]spec.Likelihood
	err := r.open(ctx, path, adapter, func(b *base, slot int) (err error) {
		all, err = r.likelihoods(ctx, b, slot, items, func(int) {})
		return err
	})
	return all, err
}

// place is a choice of an item, both counted from 0.
type place struct{ item, choice int }

// likelihoods is Choose over an adapter that sits on a base, in the type of that base. report is told how many items are done.
func (r *Runner) likelihoods(ctx context.Context, b *base, slot int, items []spec.ChoiceItem, report func(items int)) ([][]spec.Likelihood, error) {
	all := make([][]spec.Likelihood, len(items))
	left := make([]int, len(items)) // choices of each that are not scored yet
	var list []sequence
	var of []place // what each sequence is scored for
	for i, item := range items {
		requests, err := choice.Requests(item, b.tok.EncodeWithSpecial, int(b.model.Facts().MaxPositions))
		if err != nil {
			return nil, fault.New(fault.Invalid, "item %s: %w", item.ID, err)
		}
		all[i], left[i] = make([]spec.Likelihood, len(requests)), len(requests)
		for n, q := range requests {
			list, of = append(list, sequence{q.Tokens, q.Scored}), append(of, place{i, n})
		}
	}
	err := predict(ctx, r.Engine, b.model, slot, list, false, func(number int, made []prediction) error {
		at := of[number]
		one := &all[at.item][at.choice]
		one.Tokens = len(made)
		for _, p := range made {
			one.Sum += p.logProb
		}
		if left[at.item]--; left[at.item] == 0 {
			report(1)
		}
		return nil
	})
	return all, err
}
