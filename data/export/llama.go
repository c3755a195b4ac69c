package export

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"elara/data/gguf"
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
	scaling    ropeScaling
}

// ropeScaling is rope_scaling (transformers 4) or rope_parameters (5).
type ropeScaling struct {
	RopeType  string    `json:"rope_type"`
	Type      string    `json:"type"` // an older name of rope_type
	Theta     *float64  `json:"rope_theta"`
	Partial   *float64  `json:"partial_rotary_factor"`
	Factor    float64   `json:"factor"`
	Original  float64   `json:"original_max_position_embeddings"`
	LowFreq   float64   `json:"low_freq_factor"`
	HighFreq  float64   `json:"high_freq_factor"`
	Attention *float64  `json:"attention_factor"`
	BetaFast  *float64  `json:"beta_fast"`
	BetaSlow  *float64  `json:"beta_slow"`
	MScale    *float64  `json:"mscale"`
	MScaleAll *float64  `json:"mscale_all_dim"`
	Truncate  *bool     `json:"truncate"`
	divisors  []float32 // of the frequencies, where a GGUF file holds them
}

func (r ropeScaling) kind() string {
	switch {
	case r.RopeType != "":
		return r.RopeType
	case r.Type != "":
		return r.Type
	}
	return "default"
}

func parseLlama(path string, text []byte) (llama, error) {
	w := struct {
		ModelType             string          `json:"model_type"`
		VocabSize             int             `json:"vocab_size"`
		HiddenSize            int             `json:"hidden_size"`
		IntermediateSize      int             `json:"intermediate_size"`
		NumHiddenLayers       int             `json:"num_hidden_layers"`
		NumAttentionHeads     int             `json:"num_attention_heads"`
		NumKeyValueHeads      *int            `json:"num_key_value_heads"`
		HeadDim               *int            `json:"head_dim"`
		MaxPositionEmbeddings int             `json:"max_position_embeddings"`
		RMSNormEps            float64         `json:"rms_norm_eps"`
		RopeTheta             *float64        `json:"rope_theta"`
		RopeScaling           json.RawMessage `json:"rope_scaling"`
		RopeParameters        json.RawMessage `json:"rope_parameters"`
		Original              *float64        `json:"original_max_position_embeddings"`
		Partial               *float64        `json:"partial_rotary_factor"`
		SlidingWindow         *int            `json:"sliding_window"`
		UseSlidingWindow      *bool           `json:"use_sliding_window"`
		TieWordEmbeddings     bool            `json:"tie_word_embeddings"`
		HiddenAct             string          `json:"hidden_act"`
	}{RMSNormEps: 1e-6, HiddenAct: "silu"}
	if err := json.Unmarshal(text, &w); err != nil {
		return llama{}, fault.At(path, 0, "not a model configuration: %w", err)
	}
	c := llama{
		family: w.ModelType, hidden: w.HiddenSize, inner: w.IntermediateSize, blocks: w.NumHiddenLayers, heads: w.NumAttentionHeads,
		keyHeads: w.NumAttentionHeads, vocabulary: w.VocabSize, positions: w.MaxPositionEmbeddings, eps: w.RMSNormEps, theta: 10000,
		tied: w.TieWordEmbeddings,
	}
	if w.NumKeyValueHeads != nil {
		c.keyHeads = *w.NumKeyValueHeads
	}
	if w.HeadDim != nil {
		c.headDim = *w.HeadDim
	} else if c.heads > 0 {
		c.headDim = c.hidden / c.heads
	}
	if w.HiddenAct != "silu" {
		return c, fault.At(path, 0, "hidden_act %q is not supported, expected silu", w.HiddenAct)
	}
	if c.family == "mistral" || w.UseSlidingWindow != nil && *w.UseSlidingWindow {
		if w.SlidingWindow != nil {
			c.window = *w.SlidingWindow
		}
	}
	if w.RopeTheta != nil {
		c.theta = *w.RopeTheta
	}
	raw := w.RopeScaling
	if s := strings.TrimSpace(string(raw)); s == "" || s == "null" {
		raw = w.RopeParameters
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &c.scaling); err != nil {
			return c, fault.At(path, 0, "rope_scaling: %w", err)
		}
	}
	if c.scaling.Theta != nil {
		c.theta = *c.scaling.Theta
	}
	if w.Original != nil {
		c.scaling.Original = *w.Original
	}
	if c.scaling.Original == 0 {
		c.scaling.Original = float64(c.positions)
	}
	for _, share := range []*float64{w.Partial, c.scaling.Partial} {
		if share != nil && *share != 1 {
			return c, fault.At(path, 0, "partial_rotary_factor %v is not supported, expected 1", *share)
		}
	}
	return c, c.check(path)
}

func (c llama) check(path string) error {
	if err := positive(path, map[string]int{"vocab_size": c.vocabulary, "hidden_size": c.hidden, "intermediate_size": c.inner,
		"num_hidden_layers": c.blocks, "num_attention_heads": c.heads, "num_key_value_heads": c.keyHeads, "head_dim": c.headDim,
		"max_position_embeddings": c.positions}); err != nil {
		return err
	}
	if c.heads%c.keyHeads != 0 || c.headDim%2 != 0 || !(c.eps > 0) || !(c.theta > 0) || c.window < 0 {
		return fault.At(path, 0, "%d heads over %d key heads of width %d, rms_norm_eps %v, rope_theta %v and window %d: "+
			"expected a multiple, an even width and positive numbers", c.heads, c.keyHeads, c.headDim, c.eps, c.theta, c.window)
	}
	s := c.scaling
	switch kind := s.kind(); kind {
	case "default":
		return nil
	case "linear":
		if s.Factor > 0 {
			return nil
		}
	case "llama3":
		if s.Factor > 0 && s.LowFreq > 0 && s.HighFreq > s.LowFreq && s.Original > 0 {
			return nil
		}
	case "yarn":
		// llama.cpp computes the rest by YaRN's own rules, and has no name for other numbers.
		plain := s.Attention == nil || math.Abs(*s.Attention-(0.1*math.Log(s.Factor)+1)) < 1e-6
		for _, given := range []struct {
			value *float64
			usual float64
		}{{s.BetaFast, 32}, {s.BetaSlow, 1}, {s.MScale, 1}, {s.MScaleAll, 0}} {
			plain = plain && (given.value == nil || *given.value == given.usual)
		}
		if plain && s.Factor >= 1 && s.Original > 0 && (s.Truncate == nil || *s.Truncate) {
			return nil
		}
		return fault.At(path, 0, "rope_scaling: yarn with other numbers than its usual ones, which a GGUF file has no place for")
	default:
		return fault.At(path, 0, "rope_scaling: rope type %q is not supported, expected default, linear, llama3 or yarn", kind)
	}
	return fault.At(path, 0, "rope_scaling: rope type %q needs positive numbers for its factors and the original positions", s.kind())
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
	switch kind := c.scaling.kind(); kind {
	case "linear":
		entries = append(entries, gguf.Entry{Key: arch + ".rope.scaling.type", Value: kind},
			gguf.Entry{Key: arch + ".rope.scaling.factor", Value: float32(c.scaling.Factor)})
	case "yarn":
		entries = append(entries, gguf.Entry{Key: arch + ".rope.scaling.type", Value: kind},
			gguf.Entry{Key: arch + ".rope.scaling.factor", Value: float32(c.scaling.Factor)},
			gguf.Entry{Key: arch + ".rope.scaling.original_context_length", Value: uint32(c.scaling.Original)})
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
	s := c.scaling
	if s.divisors != nil || s.kind() != "llama3" {
		return slices.Clone(s.divisors)
	}
	out := make([]float32, c.headDim/2)
	for i := range out {
		wavelength := 2 * math.Pi * math.Pow(c.theta, float64(2*i)/float64(c.headDim))
		switch {
		case wavelength < s.Original/s.HighFreq:
			out[i] = 1
		case wavelength > s.Original/s.LowFreq:
			out[i] = float32(s.Factor)
		default:
			smooth := (s.Original/wavelength - s.LowFreq) / (s.HighFreq - s.LowFreq)
			out[i] = float32(1 / ((1-smooth)/s.Factor + smooth))
		}
	}
	return out
}
