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

// likelihoods is Choose over an adapter that sits on a base, in the type of that base. report is told how many items are done.
func (r *Runner) likelihoods(ctx context.Context, b *base, slot int, items []spec.ChoiceItem, report func(items int)) ([][]spec.Likelihood, error) {
	asked := make([][]choice.Request, len(items))
	for i, item := range items {
		var err error
		if asked[i], err = choice.Requests(item, b.tok.EncodeWithSpecial, int(b.model.Facts().MaxPositions)); err != nil {
			return nil, fault.New(fault.Invalid, "item %s: %w", item.ID, err)
		}
	}
	return r.scoreAll(ctx, b, slot, asked, report)
}

// scoreAll scores lists of requests, all of them side by side. report is told how many lists are done.
func (r *Runner) scoreAll(ctx context.Context, b *base, slot int, asked [][]choice.Request, report func(lists int)) ([][]spec.Likelihood, error) {
	type place struct{ list, request int }
	all := make([][]spec.Likelihood, len(asked))
	left := make([]int, len(asked)) // requests of each that are not scored yet
	var sequences []sequence
	var of []place // what each sequence is scored for
	for i, list := range asked {
		all[i], left[i] = make([]spec.Likelihood, len(list)), len(list)
		for n, q := range list {
			sequences, of = append(sequences, sequence{q.Tokens, q.Scored}), append(of, place{i, n})
		}
		if len(list) == 0 {
			report(1)
		}
	}
	err := predict(ctx, r.Engine, b.model, slot, sequences, false, func(number int, made []prediction) error {
		at := of[number]
		one := &all[at.list][at.request]
		one.Tokens = len(made)
		for _, p := range made {
			one.Sum += p.logProb
		}
		if left[at.list]--; left[at.list] == 0 {
			report(1)
		}
		return nil
	})
	return all, err
}
