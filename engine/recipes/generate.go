//go:build torch

package recipes

import (
	"context"

	"elara/engine/model"
	"elara/engine/sample"
)

// Generated is the continuation of one prompt: the new tokens, and their text without special tokens.
type Generated struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// generateRows is how many prompts are continued at once.
const generateRows = 16

// Generate continues each prompt until the tokenizer's end-of-text token or options.MaxNewTokens, and gives the results in the
// order of the prompts. Other recipes get their turn between steps.
func (r *Runner) Generate(ctx context.Context, path, adapter string, prompts []string, options sample.Options, each func(Generated) error) error {
	return r.open(ctx, path, adapter, func(b *base, slot int) error {
		options.Stop = stops(b.tok)
		ids, err := encode(b.model, prompts, b.tok.EncodeWithSpecial, options.MaxNewTokens)
		if err != nil {
			return err
		}
		requests := make([]sample.Request, len(ids))
		for i := range ids {
			requests[i] = sample.Request{Prompt: ids[i], Adapter: slot, Stream: uint64(i), Options: options}
		}
		return r.generate(ctx, b.model, generateRows, requests, func(_ int, s *sample.Sequence) error {
			return each(Generated{Text: b.tok.Decode(s.Tokens, true), IDs: s.Tokens})
		})
	})
}

// generate continues requests, so many rows of them at once, and hands out their sequences, in order, as they and all before them
// end. Other recipes get their turn between steps. It must not run inside Engine.Do, and each does not.
func (r *Runner) generate(ctx context.Context, m model.Model, rows int, requests []sample.Request, each func(i int, s *sample.Sequence) error) error {
	var batch *sample.Batch
	all := make([]*sample.Sequence, len(requests))
	if err := r.Engine.Do(func() error {
		batch = sample.NewBatch(m, sample.Limits{Rows: rows})
		return nil
	}); err != nil {
		return err
	}
	// Freeing cannot fail.
	defer func() { _ = r.Engine.Do(func() error { batch.Free(); return nil }) }()
	for i, request := range requests {
		var err error
		if all[i], err = batch.Add(request); err != nil {
			return &TextError{Index: i, Err: err}
		}
	}
	for next := 0; next < len(all); {
		if err := r.Engine.Do(func() error {
			_, err := batch.Step(ctx)
			return err
		}); err != nil {
			return err
		}
		for ; next < len(all) && all[next].End != sample.Running; next++ {
			if err := all[next].Err; err != nil {
				return err
			}
			if err := each(next, all[next]); err != nil {
				return err
			}
		}
	}
	return nil
}
