//go:build torch

package recipes

import (
	"context"

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
	attached, err := lora.Load(base, adapter)
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
		for i, text := range texts {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			out := Scored{IDs: tok.Encode(text), LogProbs: []float32{}}
			if room := int(m.Facts().MaxPositions); len(out.IDs) > room {
				return fault.New(fault.Invalid, "text %d has %d tokens, the model %d positions", i+1, len(out.IDs), room)
			}
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
