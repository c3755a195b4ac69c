//go:build torch

package model

import (
	"strings"

	"elara/data/gguf"
	"elara/engine/tensor"
)

// GGUF gives the weights of a GGUF file of the Llama kind under their names in transformers. Quantised weights come out as
// float32.
type GGUF struct {
	file        *gguf.File
	interleaved map[string]int64 // q and k projections, with their heads, whose rows the conversion put in another order
}

// NewGGUF wraps an open file; it closes it too. Only the architecture "llama" stores queries and keys interleaved.
func NewGGUF(file *gguf.File, architecture string, heads, keyHeads int64) *GGUF {
	g := &GGUF{file: file}
	if architecture == "llama" {
		g.interleaved = map[string]int64{"q_proj": heads, "k_proj": keyHeads}
	}
	return g
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
	"self_attn.q_norm", "attn_q_norm",
	"self_attn.k_norm", "attn_k_norm",
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
	parts := strings.Split(name, ".")
	if heads := g.interleaved[parts[max(len(parts)-2, 0)]]; heads > 0 {
		values = splitHalves(values, heads, shape[0])
	}
	return e.FromFloat32(values, shape...), nil
}

// splitHalves undoes the row order that the llama conversion to GGUF gives q and k, weights and biases, for interleaved
// rotary pairs: rows (pair, half) of each head become (half, pair), the order of transformers.
func splitHalves(values []float32, heads, rows int64) []float32 {
	width := int64(len(values)) / rows
	half := rows / heads / 2
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
