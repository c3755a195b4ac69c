//go:build torch

package recipes

import (
	"context"
	"fmt"

	"elara/data/tokenizer"
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

// open loads a base in float32 with its tokenizer, and an adapter where one is named. It runs inside Engine.Do.
func (r *Runner) open(path, adapter string) (model.Model, *tokenizer.Tokenizer, func(), error) {
	base, err := r.load(path, tensor.Float32)
	if err != nil {
		return nil, nil, nil, err
	}
	tok, err := tokenizer.Load(path)
	if err != nil || adapter == "" {
		return base, tok, func() {}, err
	}
	attached, err := lora.Load(base, 0, adapter)
	if err != nil {
		return nil, nil, nil, err
	}
	return base, tok, func() { r.takeOff(attached) }, nil
}

// Score gives each text's log-probabilities in float32 arithmetic. Special tokens in a text are recognised, none is added.
func (r *Runner) Score(ctx context.Context, path, adapter string, texts []string, each func(Scored) error) error {
	return r.Engine.Do(func() error {
		m, tok, done, err := r.open(path, adapter)
		if err != nil {
			return err
		}
		defer done()
		all, err := encode(m, texts, tok.Encode, 0)
		if err != nil {
			return err
		}
		for _, ids := range all {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			out := Scored{IDs: ids, LogProbs: []float32{}}
			if len(out.IDs) > 1 {
				r.Engine.Scope(func() {
					r.Engine.NoGrad(func() {
						_, nll := loss.Causal(m, nn.NewPass([][]int32{out.IDs}))
						for _, v := range nll.Float32s() {
							out.LogProbs = append(out.LogProbs, -v)
						}
					})
				})
			}
			if err := each(out); err != nil {
				return err
			}
		}
		return nil
	})
}
