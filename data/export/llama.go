package export

import (
	"fmt"
	"math"
	"slices"

	"elara/data/gguf"
	"elara/data/modelconfig"
	"elara/spec/fault"
)

// llama is the shape of a model of the Llama kind. Mistral's files go under llama, as llama.cpp has it.
type llama struct {
	family string // transformers' model_type

	hidden, inner, blocks, heads, keyHeads, headDim int
	vocabulary, positions                           int

	window     int // tokens that a token sees in some layers at least; 0: all
	eps, theta float64
	tied       bool
	rope       modelconfig.Rope
	divisors   []float32 // of the rotary frequencies, where a GGUF file holds them
}

func parseLlama(path string, text []byte) (llama, error) {
	given, err := modelconfig.ParseLlama(path, text)
	if err != nil {
		return llama{}, err
	}
	c := llamaOf(given)
	// llama.cpp computes the rest by YaRN's own rules, and has no name for other numbers.
	if r := c.rope; r.Type == "yarn" && (r.Factor < 1 || !r.Truncate || r.BetaFast != 32 || r.BetaSlow != 1 ||
		math.Abs(r.AttentionFactor-(0.1*math.Log(r.Factor)+1)) >= 1e-6) {
		return c, fault.At(path, 0, "rope_scaling: yarn with other numbers than its usual ones, which a GGUF file has no place for")
	}
	return c, nil
}

func llamaOf(given modelconfig.LlamaConfig) llama {
	c := llama{
		family: given.Family(), hidden: int(given.HiddenSize), inner: int(given.IntermediateSize), blocks: given.NumHiddenLayers,
		heads: int(given.NumAttentionHeads), keyHeads: int(given.NumKeyValueHeads), headDim: int(given.HeadDim),
		vocabulary: int(given.VocabSize), positions: int(given.MaxPositionEmbeddings), eps: given.RMSNormEps, theta: given.RopeTheta,
		tied: given.TieWordEmbeddings, rope: given.Rope,
	}
	for _, window := range given.Windows {
		c.window = max(c.window, int(window))
	}
	return c
}

// arch is the name of llama.cpp's architecture.
func (c llama) arch() string {
	if c.family == "mistral" {
		return "llama"
	}
	return c.family
}

func (c llama) metadata() []gguf.Entry {
	arch := c.arch()
	entries := []gguf.Entry{
		{Key: architectureKey, Value: arch},
		{Key: arch + ".block_count", Value: uint32(c.blocks)},
		{Key: arch + ".context_length", Value: uint32(c.context())},
		{Key: arch + ".embedding_length", Value: uint32(c.hidden)},
		{Key: arch + ".feed_forward_length", Value: uint32(c.inner)},
		{Key: arch + ".attention.head_count", Value: uint32(c.heads)},
		{Key: arch + ".attention.head_count_kv", Value: uint32(c.keyHeads)},
		{Key: arch + ".attention.key_length", Value: uint32(c.headDim)},
		{Key: arch + ".attention.value_length", Value: uint32(c.headDim)},
		{Key: arch + ".attention.layer_norm_rms_epsilon", Value: float32(c.eps)},
		{Key: arch + ".rope.freq_base", Value: float32(c.theta)},
		{Key: arch + ".rope.dimension_count", Value: uint32(c.headDim)},
		{Key: arch + ".vocab_size", Value: uint32(c.vocabulary)},
	}
	switch kind := c.rope.Type; kind {
	case "linear":
		entries = append(entries, gguf.Entry{Key: arch + ".rope.scaling.type", Value: kind},
			gguf.Entry{Key: arch + ".rope.scaling.factor", Value: float32(c.rope.Factor)})
	case "yarn":
		entries = append(entries, gguf.Entry{Key: arch + ".rope.scaling.type", Value: kind},
			gguf.Entry{Key: arch + ".rope.scaling.factor", Value: float32(c.rope.Factor)},
			gguf.Entry{Key: arch + ".rope.scaling.original_context_length", Value: uint32(c.rope.OriginalPositions)})
	}
	return entries
}

// context is how long a text the file is right for: llama.cpp's llama and qwen architectures let every token see all.
func (c llama) context() int {
	if c.window > 0 {
		return min(c.positions, c.window)
	}
	return c.positions
}

func (c llama) notes() []string {
	if c.context() == c.positions {
		return nil
	}
	return []string{fmt.Sprintf("a token of this model sees the last %d, and llama.cpp lets it see all: the file states a context of %d instead of %d",
		c.window, c.window, c.positions)}
}

func (c llama) layers() int { return c.blocks }

func (c llama) withRows(n int) config {
	c.vocabulary = n
	return c
}

func (c llama) place(l *listing) {
	const embedding = "model.embed_tokens.weight"
	rows := l.rows(embedding)
	if rows != c.vocabulary {
		l.err = fault.New(fault.Invalid, "the embedding has %d rows, and vocab_size is %d", rows, c.vocabulary)
	}
	l.need(embedding, "token_embd.weight", layout{}, rows, c.hidden)
	width, keyWidth := c.heads*c.headDim, c.keyHeads*c.headDim
	var q, k layout
	if c.arch() == "llama" { // whose rotary pairs llama.cpp takes to lie side by side
		q.heads, k.heads = c.heads, c.keyHeads
	}
	for i := range c.blocks {
		from, to := fmt.Sprintf("model.layers.%d.", i), fmt.Sprintf("blk.%d.", i)
		l.need(from+"input_layernorm.weight", to+"attn_norm.weight", layout{}, c.hidden)
		attention := []struct {
			from, to string
			how      layout
			out, in  int
		}{{"q_proj", "attn_q", q, width, c.hidden}, {"k_proj", "attn_k", k, keyWidth, c.hidden},
			{"v_proj", "attn_v", layout{}, keyWidth, c.hidden}, {"o_proj", "attn_output", layout{}, c.hidden, width}}
		for _, p := range attention {
			name := from + "self_attn." + p.from
			l.need(name+".weight", to+p.to+".weight", p.how, p.out, p.in)
			if isOutput := p.from == "o_proj"; c.family == "qwen2" && !isOutput {
				l.need(name+".bias", to+p.to+".bias", p.how, p.out)
			} else if c.arch() == "llama" {
				l.may(name+".bias", to+p.to+".bias", p.how, p.out)
			}
		}
		if c.family == "qwen3" {
			l.need(from+"self_attn.q_norm.weight", to+"attn_q_norm.weight", layout{}, c.headDim)
			l.need(from+"self_attn.k_norm.weight", to+"attn_k_norm.weight", layout{}, c.headDim)
		}
		l.need(from+"post_attention_layernorm.weight", to+"ffn_norm.weight", layout{}, c.hidden)
		for _, p := range []struct {
			from, to string
			out, in  int
		}{{"gate_proj", "ffn_gate", c.inner, c.hidden}, {"up_proj", "ffn_up", c.inner, c.hidden}, {"down_proj", "ffn_down", c.hidden, c.inner}} {
			l.need(from+"mlp."+p.from+".weight", to+p.to+".weight", layout{}, p.out, p.in)
			if c.arch() == "llama" {
				l.may(from+"mlp."+p.from+".bias", to+p.to+".bias", layout{}, p.out)
			}
		}
	}
	l.need("model.norm.weight", "output_norm.weight", layout{}, c.hidden)
	l.head(c.tied, embedding, rows, c.hidden)
}

// ropeDivisors are Llama 3's; nil for other scalings.
func (c llama) ropeDivisors() []float32 {
	r := c.rope
	if c.divisors != nil || r.Type != "llama3" {
		return slices.Clone(c.divisors)
	}
	out := make([]float32, c.headDim/2)
	for i := range out {
		wavelength := 2 * math.Pi * math.Pow(c.theta, float64(2*i)/float64(c.headDim))
		switch {
		case wavelength < r.OriginalPositions/r.HighFreqFactor:
			out[i] = 1
		case wavelength > r.OriginalPositions/r.LowFreqFactor:
			out[i] = float32(r.Factor)
		default:
			smooth := (r.OriginalPositions/wavelength - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
			out[i] = float32(1 / ((1-smooth)/r.Factor + smooth))
		}
	}
	return out
}
