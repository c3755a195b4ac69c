//go:build torch

package recipes

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
)

// measure gives every candidate its loss on the held-out rows, row by row so that candidates can be compared in pairs, and brings
// them into order.
func (g *merging) measure(ctx context.Context) error {
	if g.job.EvalDataPath == "" {
		return nil
	}
	g.outcome.RowNLL = map[string][]float64{}
	for i := range g.outcome.Candidates {
		if err := g.measureOne(ctx, &g.outcome.Candidates[i]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(g.outcome.Candidates, func(a, b spec.MergedCandidate) int { return cmp.Compare(a.Loss, b.Loss) })
	return nil
}

func (g *merging) measureOne(ctx context.Context, c *spec.MergedCandidate) error {
	dir := filepath.Join(g.staging, c.Method.Name)
	if g.job.Into == spec.IntoAdapter {
		return g.runner.open(ctx, g.job.BaseModel, dir, func(b *base, slot int) error { return g.rows(ctx, b, slot, c) })
	}
	b, err := g.runner.acquire(ctx, baseKey{path: dir, dtype: tensor.Float32, alone: true})
	if err != nil {
		return err
	}
	defer g.runner.release(b)
	return g.rows(ctx, b, nn.NoAdapter, c)
}

// rows measures one candidate that is loaded.
func (g *merging) rows(ctx context.Context, b *base, adapter int, c *spec.MergedCandidate) error {
	read := reading{
		tok: b.tok, maxLength: min(g.job.MaxLength, int(b.model.Facts().MaxPositions)), appendEOS: g.job.AppendEOS,
		completionOnly: g.job.CompletionOnlyLoss,
	}
	held, err := read.heldOut(ctx, g.job.EvalDataPath, g.job.MaxRows)
	if err != nil {
		return err
	}
	losses, counts := make([]float64, len(held.list)), make([]int64, len(held.list))
	for i, row := range held.list {
		if losses[i], counts[i], err = heldOut(ctx, g.runner.Engine, b.model, adapter, []nn.Row{row}, 1, nil); err != nil {
			return err
		}
		c.NLL += losses[i]
		c.Tokens += counts[i]
		g.progress(spec.Progress{Stage: spec.StageMerge, Step: g.total, TotalSteps: g.total})
	}
	c.Rows, c.Loss = int64(len(losses)), c.NLL/float64(c.Tokens)
	g.outcome.RowNLL[c.Method.Name], g.outcome.RowTokens = losses, counts
	return nil
}
