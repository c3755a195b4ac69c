//go:build torch

package recipes

import (
	"context"
	"fmt"

	"elara/engine/lora"
	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Scored is a text's tokens and the natural logarithm of the probability of each but the first, given those before it.
type Scored struct {
	IDs      []int32   `json:"ids"`
	LogProbs []float32 `json:"logprobs"`
}

// TextError says which of the texts that were handed in cannot be used. Its kind is Invalid.
type TextError struct {
	Index int // from 0
	Err   error
}

func (e *TextError) Error() string { return fmt.Sprintf("text %d: %v", e.Index+1, e.Err) }

// Unwrap gives the cause.
func (e *TextError) Unwrap() error { return e.Err }

// encode turns all texts into tokens before the first is computed; each needs room for more tokens to follow.
func encode(m model.Model, texts []string, split func(string) []int32, more int) ([][]int32, error) {
	all := make([][]int32, len(texts))
	for i, text := range texts {
		all[i] = split(text)
		if room := int(m.Facts().MaxPositions); len(all[i])+more > room {
			return nil, &TextError{Index: i, Err: fault.New(fault.Invalid, "%d tokens and %d new ones, expected at most the model's %d positions", len(all[i]), more, room)}
		}
	}
	return all, nil
}

// open runs f over a base in float32, and over the adapter of a folder where one is named.
func (r *Runner) open(ctx context.Context, path, adapter string, f func(b *base, adapter int) error) error {
	return r.over(ctx, path, adapter, func(b *base) error {
		if adapter == "" {
			return f(b, nn.NoAdapter)
		}
		return r.with(b, adapter, lora.Load, func(a *lora.Adapter) error { return f(b, a.Slot()) })
	})
}

// over runs f over a base in float32, on which it may put the adapter of a folder.
func (r *Runner) over(ctx context.Context, path, adapter string, f func(b *base) error) error {
	replaces, err := alone(adapter)
	if err != nil {
		return err
	}
	b, err := r.acquire(ctx, baseKey{path: path, dtype: tensor.Float32, alone: replaces})
	if err != nil {
		return err
	}
	defer r.release(b)
	return f(b)
}

// Score gives each text's log-probabilities in float32 arithmetic. Special tokens in a text are recognised, none is added.
func (r *Runner) Score(ctx context.Context, path, adapter string, texts []string, each func(Scored) error) error {
	return r.open(ctx, path, adapter, func(b *base, slot int) error {
		all, err := encode(b.model, texts, b.tok.Encode, 0)
		if err != nil {
			return err
		}
		for _, ids := range all {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			out := Scored{IDs: ids, LogProbs: []float32{}}
			if len(ids) > 1 {
				if err := r.Engine.Do(func() error {
					out.LogProbs = logProbs(r.Engine, b.model, slot, ids)
					return nil
				}); err != nil {
					return err
				}
			}
			if err := each(out); err != nil {
				return err
			}
		}
		return nil
	})
}

// logProbs gives log p of every token but the first. It runs inside Engine.Do.
func logProbs(e *tensor.Engine, m model.Model, adapter int, ids []int32) []float32 {
	out := make([]float32, 0, len(ids)-1)
	unrecorded(e, func() {
		pass := nn.NewPass([][]int32{ids})
		pass.Adapter = adapter
		_, nll := loss.Causal(m, pass)
		for _, v := range nll.Float32s() {
			out = append(out, -v)
		}
	})
	return out
}
