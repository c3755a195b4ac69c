//go:build torch

package recipes

import (
	"context"
	"encoding/json"
	"fmt"

	"elara/data/modelconfig"
	"elara/data/tokenizer"
	"elara/engine/model/llama"
	"elara/engine/tensor"
)

// TinyModel writes a Llama of 0.2 million parameters with random weights and a byte-level tokenizer, the same bytes every
// time: a base on which the whole chain runs in seconds. It knows nothing; it can learn a little.
func (r *Runner) TinyModel(dir string) error {
	alphabet := tokenizer.ByteAlphabet()
	return r.tinyModel(dir, alphabet[:], 260, 0.05)
}

// tinyModel writes the model for an alphabet of characters; the embedding has so many rows, and weights this deviation.
func (r *Runner) tinyModel(dir string, alphabet []rune, rows int64, deviation float64) error {
	config := modelconfig.LlamaConfig{
		VocabSize: rows, HiddenSize: 64, IntermediateSize: 128, NumHiddenLayers: 3, NumAttentionHeads: 4, NumKeyValueHeads: 2, HeadDim: 16,
		MaxPositionEmbeddings: 512, RMSNormEps: 1e-5, RopeTheta: 10000, TieWordEmbeddings: true, HiddenAct: "silu",
	}
	files := map[string][]byte{}
	var err error
	if files["config.json"], err = config.JSON(); err != nil {
		return err
	}
	if files["tokenizer.json"], files["tokenizer_config.json"], err = alphabetTokenizer(alphabet); err != nil {
		return err
	}
	err = r.Engine.Do(func() (err error) {
		r.Engine.Scope(func() {
			weights := map[string]*tensor.Tensor{}
			for _, w := range llama.Shapes(config) {
				t := r.Engine.Zeros(tensor.Float32, w.Shape...)
				if len(w.Shape) == 1 {
					t.Uniform(1, 1, 0) // norms begin at one
				} else {
					t.Normal(0, deviation, tensor.Key(1).Named(w.Name))
				}
				weights[w.Name] = t
			}
			files["model.safetensors"], err = tensor.EncodeSafetensors(weights, map[string]string{"format": "pt"})
		})
		return err
	})
	if err != nil {
		return err
	}
	if err := writeFolder(dir, files, nil); err != nil {
		return err
	}
	// What was written must load: a tiny model that only fails later would waste a run.
	if _, err := tokenizer.Load(dir); err != nil {
		return err
	}
	written, err := r.acquire(context.Background(), baseKey{path: dir, dtype: tensor.Float32, alone: true})
	if err == nil {
		r.release(written)
	}
	return err
}

// alphabetTokenizer has only some of these characters: an id for each, and the next one ends a text.
func alphabetTokenizer(alphabet []rune) (document, config []byte, err error) {
	vocabulary := map[string]int{}
	for i, character := range alphabet {
		vocabulary[string(character)] = i
	}
	const end = "<|endoftext|>"
	document, err = json.MarshalIndent(map[string]any{
		"version":        "1.0",
		"truncation":     nil,
		"padding":        nil,
		"normalizer":     nil,
		"post_processor": nil,
		"added_tokens": []map[string]any{{
			"id": len(vocabulary), "content": end, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
		}},
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
		"decoder":       map[string]any{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model": map[string]any{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary, "merges": []string{},
		},
	}, "", "  ")
	if err != nil {
		return nil, nil, fmt.Errorf("encode tokenizer: %w", err)
	}
	config, err = json.MarshalIndent(map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end, "model_max_length": 512}, "", "  ")
	if err != nil {
		return nil, nil, fmt.Errorf("encode tokenizer configuration: %w", err)
	}
	return document, config, nil
}
