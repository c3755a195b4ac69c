//go:build torch

package model

import (
	"strings"

	"elara/data/gguf"
	"elara/engine/tensor"
)

// GGUF gives the weights of a llama-architecture GGUF file under their names in transformers. Quantised weights come out as
// float32.
type GGUF struct {
	file            *gguf.File
	heads, keyHeads int64
}

// NewGGUF wraps an open file; it closes it too.
func NewGGUF(file *gguf.File, heads, keyHeads int64) *GGUF {
	return &GGUF{file: file, heads: heads, keyHeads: keyHeads}
}

var ggufNames = strings.NewReplacer(
	"model.embed_tokens.", "token_embd.",
	"model.norm.", "output_norm.",
	"lm_head.", "output.",
	"model.layers.", "blk.",
	"self_attn.q_proj", "attn_q",
	"self_attn.k_proj", "attn_k",
	"self_attn.v_proj", "attn_v",
	"self_attn.o_proj", "attn_output",
	"mlp.gate_proj", "ffn_gate",
	"mlp.up_proj", "ffn_up",
	"mlp.down_proj", "ffn_down",
	"input_layernorm", "attn_norm",
	"post_attention_layernorm", "ffn_norm",
)

// Has implements Source.
func (g *GGUF) Has(name string) bool {
	_, err := g.file.Tensor(ggufNames.Replace(name))
	return err == nil
}

// Load implements Source.
func (g *GGUF) Load(e *tensor.Engine, name string) (*tensor.Tensor, error) {
	info, err := g.file.Tensor(ggufNames.Replace(name))
	if err != nil {
		return nil, err
	}
	values := make([]float32, info.Elements())
	if err := g.file.ReadF32(info.Name, values); err != nil {
		return nil, err
	}
	shape := make([]int64, len(info.Shape))
	for i, d := range info.Shape {
		shape[i] = int64(d)
	}
	switch {
	case strings.HasSuffix(name, "q_proj.weight"):
		values = splitHalves(values, g.heads, shape)
	case strings.HasSuffix(name, "k_proj.weight"):
		values = splitHalves(values, g.keyHeads, shape)
	}
	return e.FromFloat32(values, shape...), nil
}

// splitHalves undoes the row order that the llama conversion to GGUF gives q and k for interleaved rotary pairs: rows
// (pair, half) of each head become (half, pair), the order of transformers.
func splitHalves(values []float32, heads int64, shape []int64) []float32 {
	width := shape[1]
	half := shape[0] / heads / 2
	out := make([]float32, len(values))
	for h := range heads {
		for pair := range half {
			for side := range int64(2) {
				from := (h*half*2 + pair*2 + side) * width
				to := (h*half*2 + side*half + pair) * width
				copy(out[to:to+width], values[from:from+width])
			}
		}
	}
	return out
}

// Path implements Source.
func (g *GGUF) Path() string { return g.file.Path() }

// Close implements Source.
func (g *GGUF) Close() error { return g.file.Close() }
