package export

import (
	"encoding/json"
	"fmt"

	"elara/data/gguf"
	"elara/spec/fault"
)

// gpt2 is the shape of a GPT-2.
type gpt2 struct {
	hidden, inner, blocks, heads, vocabulary, positions int
	eps                                                 float64
	tied                                                bool
}

func parseGPT2(path string, text []byte) (gpt2, error) {
	w := struct {
		VocabSize                  int     `json:"vocab_size"`
		NPositions                 int     `json:"n_positions"`
		NEmbd                      int     `json:"n_embd"`
		NLayer                     int     `json:"n_layer"`
		NHead                      int     `json:"n_head"`
		NInner                     *int    `json:"n_inner"`
		ActivationFunction         string  `json:"activation_function"`
		LayerNormEpsilon           float64 `json:"layer_norm_epsilon"`
		ScaleAttnWeights           bool    `json:"scale_attn_weights"`
		ScaleAttnByInverseLayerIdx bool    `json:"scale_attn_by_inverse_layer_idx"`
		TieWordEmbeddings          bool    `json:"tie_word_embeddings"`
		AddCrossAttention          bool    `json:"add_cross_attention"`
	}{VocabSize: 50257, NPositions: 1024, NEmbd: 768, NLayer: 12, NHead: 12, ActivationFunction: "gelu_new", LayerNormEpsilon: 1e-5,
		ScaleAttnWeights: true, TieWordEmbeddings: true}
	if err := json.Unmarshal(text, &w); err != nil {
		return gpt2{}, fault.At(path, 0, "not a model configuration: %w", err)
	}
	c := gpt2{hidden: w.NEmbd, inner: 4 * w.NEmbd, blocks: w.NLayer, heads: w.NHead, vocabulary: w.VocabSize, positions: w.NPositions,
		eps: w.LayerNormEpsilon, tied: w.TieWordEmbeddings}
	if w.NInner != nil {
		c.inner = *w.NInner
	}
	if err := positive(path, map[string]int{"vocab_size": c.vocabulary, "n_positions": c.positions, "n_embd": c.hidden, "n_layer": c.blocks,
		"n_head": c.heads, "n_inner": c.inner}); err != nil {
		return c, err
	}
	if w.ActivationFunction != "gelu_new" && w.ActivationFunction != "gelu_pytorch_tanh" {
		return c, fault.At(path, 0, "activation_function %q is not supported, expected gelu_new", w.ActivationFunction)
	}
	if !w.ScaleAttnWeights || w.ScaleAttnByInverseLayerIdx || w.AddCrossAttention || c.hidden%c.heads != 0 || !(c.eps > 0) {
		return c, fault.At(path, 0, "attention of another kind than GPT-2's own, which llama.cpp has no place for: expected scale_attn_weights, "+
			"no scale_attn_by_inverse_layer_idx, no add_cross_attention, and n_embd a multiple of n_head")
	}
	return c, nil
}

func (c gpt2) metadata() []gguf.Entry {
	return []gguf.Entry{
		{Key: architectureKey, Value: "gpt2"},
		{Key: "gpt2.block_count", Value: uint32(c.blocks)},
		{Key: "gpt2.context_length", Value: uint32(c.positions)},
		{Key: "gpt2.embedding_length", Value: uint32(c.hidden)},
		{Key: "gpt2.feed_forward_length", Value: uint32(c.inner)},
		{Key: "gpt2.attention.head_count", Value: uint32(c.heads)},
		{Key: "gpt2.attention.layer_norm_epsilon", Value: float32(c.eps)},
	}
}

func (c gpt2) notes() []string { return nil }

func (c gpt2) layers() int { return c.blocks }

func (c gpt2) ropeDivisors() []float32 { return nil }

func (c gpt2) withRows(n int) config {
	c.vocabulary = n
	return c
}

// place knows both forms of the names: with the prefix of GPT2LMHeadModel, and those of the first releases without it.
func (c gpt2) place(l *listing) {
	root := gpt2Root(l.weights)
	embedding := root + "wte.weight"
	rows := l.rows(embedding)
	if rows != c.vocabulary {
		l.err = fault.New(fault.Invalid, "the embedding has %d rows, and vocab_size is %d", rows, c.vocabulary)
	}
	l.need(embedding, "token_embd.weight", layout{}, rows, c.hidden)
	l.need(root+"wpe.weight", "position_embd.weight", layout{}, c.positions, c.hidden)
	norm := func(from, to string) {
		l.need(from+".weight", to+".weight", layout{}, c.hidden)
		l.need(from+".bias", to+".bias", layout{}, c.hidden)
	}
	for i := range c.blocks {
		from, to := fmt.Sprintf("%sh.%d.", root, i), fmt.Sprintf("blk.%d.", i)
		norm(from+"ln_1", to+"attn_norm")
		norm(from+"ln_2", to+"ffn_norm")
		for _, p := range []struct {
			from, to string
			in, out  int
		}{{"attn.c_attn", "attn_qkv", c.hidden, 3 * c.hidden}, {"attn.c_proj", "attn_output", c.hidden, c.hidden},
			{"mlp.c_fc", "ffn_up", c.hidden, c.inner}, {"mlp.c_proj", "ffn_down", c.inner, c.hidden}} {
			l.need(from+p.from+".weight", to+p.to+".weight", layout{transposed: true}, p.in, p.out)
			l.need(from+p.from+".bias", to+p.to+".bias", layout{}, p.out)
		}
	}
	norm(root+"ln_f", "output_norm")
	l.head(c.tied, embedding, rows, c.hidden)
}

func gpt2Root(weights Weights) string {
	if _, found := weights.Shape("transformer.wte.weight"); found {
		return "transformer."
	}
	return ""
}
