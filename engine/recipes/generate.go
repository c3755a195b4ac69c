//go:build torch

package recipes

import (
	"context"
	"slices"

	"elara/engine/sample"
)

// Generated is the continuation of one prompt: the new tokens, and their text without special tokens.
type Generated struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// generateBatch is how many prompts are continued at once.
const generateBatch = 16

// Generate continues each prompt until the tokenizer's end-of-text token or options.MaxNewTokens.
func (r *Runner) Generate(ctx context.Context, path, adapter string, prompts []string, options sample.Options, each func(Generated) error) error {
	return r.open(ctx, path, adapter, func(b *base, slot int) error {
		options.Stop, options.Adapter = stops(b.tok), slot
		ids, err := encode(b.model, prompts, b.tok.EncodeWithSpecial, options.MaxNewTokens)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(ids, generateBatch) {
			var out [][]int32
			err := r.Engine.Do(func() (err error) {
				out, err = sample.Generate(ctx, b.model, batch, options)
				return err
			})
			if err != nil {
				return err
			}
			for _, list := range out {
				if err := each(Generated{Text: b.tok.Decode(list, true), IDs: list}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
