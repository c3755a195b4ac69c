//go:build torch

package recipes

import (
	"context"
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
)

// unrecorded frees the tensors that f makes, and records nothing for a backward pass. It runs inside Engine.Do.
func unrecorded(e *tensor.Engine, f func()) { e.Scope(func() { e.NoGrad(f) }) }

// forward takes rows through a model without learning from them.
type forward struct {
	engine  *tensor.Engine
	adapter int            // its slot, or nn.NoAdapter
	batch   int            // rows in a pass; at least one
	report  func(rows int) // hears of each pass that is done; nil: nobody does
}

// over hands each pass of some rows to f; first is the place of its first row in the list. Other recipes get their turn between
// passes; it must not run inside Engine.Do.
func (w forward) over(ctx context.Context, list []nn.Row, f func(first int, pass *nn.Pass)) error {
	first := 0
	for rows := range slices.Chunk(list, max(1, w.batch)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := w.engine.Do(func() error {
			unrecorded(w.engine, func() {
				pass := nn.Pack(rows, leastShared)
				pass.Adapter = w.adapter
				f(first, pass)
			})
			return nil
		}); err != nil {
			return err
		}
		first += len(rows)
		if w.report != nil {
			w.report(len(rows))
		}
	}
	return nil
}

// placesOf says which of a pass's predictions each row makes, in the order of its tokens.
func placesOf(p *nn.Pass) [][]int {
	at := make([][]int, len(p.Last))
	for i, of := range p.Of {
		for _, row := range of {
			at[row] = append(at[row], i)
		}
	}
	return at
}
