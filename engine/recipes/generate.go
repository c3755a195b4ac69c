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
	return r.Engine.Do(func() error {
		m, tok, done, err := r.open(path, adapter)
		if err != nil {
			return err
		}
		defer done()
		options.Stop = stops(tok)
		ids, err := encode(m, prompts, tok.EncodeWithSpecial, options.MaxNewTokens)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(ids, generateBatch) {
			out, err := sample.Generate(ctx, m, batch, options)
			if err != nil {
				return err
			}
			for _, list := range out {
				if err := each(Generated{Text: tok.Decode(list, true), IDs: list}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
