package export

import (
	"fmt"

	"elara/data/gguf"
	"elara/data/modelconfig"
	"elara/spec/fault"
)

// gpt2 is the shape of a GPT-2.
type gpt2 struct {
	hidden, inner, blocks, heads, vocabulary, positions int
	eps                                                 float64
	tied                                                bool
}

func parseGPT2(path string, text []byte) (gpt2, error) {
	given, err := modelconfig.ParseGPT2(path, text)
	if err != nil {
		return gpt2{}, err
	}
	if !given.ScaleAttnWeights || given.ScaleAttnByInverseLayerIdx || !(given.LayerNormEpsilon > 0) {
		return gpt2{}, fault.At(path, 0, "attention of another kind than GPT-2's own, which llama.cpp has no place for: expected scale_attn_weights, "+
			"no scale_attn_by_inverse_layer_idx, and a positive layer_norm_epsilon")
	}
	return gpt2{hidden: int(given.NEmbd), inner: int(given.Inner()), blocks: given.NLayer, heads: int(given.NHead), vocabulary: int(given.VocabSize),
		positions: int(given.NPositions), eps: given.LayerNormEpsilon, tied: given.TieWordEmbeddings}, nil
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
