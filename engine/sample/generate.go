//go:build torch

package sample

import (
	"context"

	"elara/engine/model"
)

// Generate continues requests, at most rows of them at once (0: all), and gives their sequences in the order of the requests. It
// runs inside engine.Do; ctx is looked at between steps.
func Generate(ctx context.Context, m model.Model, rows int, requests []Request) ([]*Sequence, error) {
	b := NewBatch(m, Limits{Rows: rows})
	defer b.Free()
	all := make([]*Sequence, len(requests))
	for i, r := range requests {
		var err error
		if all[i], err = b.Add(r); err != nil {
			return nil, err
		}
	}
	for b.Busy() {
		if _, err := b.Step(ctx); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		if s.Err != nil {
			return nil, s.Err
		}
	}
	return all, nil
}
