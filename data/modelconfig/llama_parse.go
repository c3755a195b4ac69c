package modelconfig

import (
	"encoding/json"
	"strings"

	"elara/spec/fault"
)

// written is config.json. What may be null is a pointer; what a family's class has a default for begins with it.
type written struct {
	ModelType             string   `json:"model_type"`
	VocabSize             int64    `json:"vocab_size"`
	HiddenSize            int64    `json:"hidden_size"`
	IntermediateSize      int64    `json:"intermediate_size"`
	NumHiddenLayers       int      `json:"num_hidden_layers"`
	NumAttentionHeads     int64    `json:"num_attention_heads"`
	NumKeyValueHeads      *int64   `json:"num_key_value_heads"`
	HeadDim               *int64   `json:"head_dim"`
	MaxPositionEmbeddings int64    `json:"max_position_embeddings"`
	RMSNormEps            float64  `json:"rms_norm_eps"`
	TieWordEmbeddings     bool     `json:"tie_word_embeddings"`
	AttentionBias         bool     `json:"attention_bias"`
	MLPBias               bool     `json:"mlp_bias"`
	HiddenAct             string   `json:"hidden_act"`
	AttentionDropout      float64  `json:"attention_dropout"`
	PartialRotaryFactor   *float64 `json:"partial_rotary_factor"`

	RopeTheta                     *float64        `json:"rope_theta"`
	RopeScaling                   json.RawMessage `json:"rope_scaling"`
	RopeParameters                json.RawMessage `json:"rope_parameters"` // where transformers 5 writes all of it
	OriginalMaxPositionEmbeddings *float64        `json:"original_max_position_embeddings"`

	SlidingWindow    *int64   `json:"sliding_window"`
	UseSlidingWindow *bool    `json:"use_sliding_window"`
	MaxWindowLayers  int      `json:"max_window_layers"`
	LayerTypes       []string `json:"layer_types"`
}

// defaults are those of the family's configuration class in transformers 5.23, but for the sizes, which a file must give.
func defaults(family string) written {
	w := written{RMSNormEps: 1e-6, HiddenAct: "silu", MaxWindowLayers: 28}
	window, keyHeads, headDim := int64(4096), int64(32), int64(128)
	switch family {
	case Llama:
		w.MaxPositionEmbeddings = 2048
	case Mistral:
		keyHeads = 8
		w.MaxPositionEmbeddings, w.SlidingWindow, w.NumKeyValueHeads = 4096*32, &window, &keyHeads
	case Qwen2:
		w.MaxPositionEmbeddings, w.SlidingWindow, w.NumKeyValueHeads = 32768, &window, &keyHeads
	case Qwen3:
		w.MaxPositionEmbeddings, w.SlidingWindow, w.NumKeyValueHeads, w.HeadDim = 32768, &window, &keyHeads, &headDim
	}
	return w
}

// ParseLlama reads and checks config.json of one of the families, as transformers 4 or 5 writes it; file stands for it in
// errors.
func ParseLlama(file string, data []byte) (LlamaConfig, error) {
	document, err := parseDocument(file, data)
	if err != nil {
		return LlamaConfig{}, err
	}
	family := Llama
	if raw, ok := document["model_type"]; ok {
		if err := json.Unmarshal(raw, &family); err != nil {
			return LlamaConfig{}, fault.At(file, 0, "model_type is %.40s, expected a text", raw)
		}
	}
	w := defaults(family)
	if err := json.Unmarshal(data, &w); err != nil {
		return LlamaConfig{}, fault.At(file, 0, "not a model configuration: %w", err)
	}
	c := LlamaConfig{
		ModelType: family, VocabSize: w.VocabSize, HiddenSize: w.HiddenSize, IntermediateSize: w.IntermediateSize,
		NumHiddenLayers: w.NumHiddenLayers, NumAttentionHeads: w.NumAttentionHeads, NumKeyValueHeads: w.NumAttentionHeads,
		MaxPositionEmbeddings: w.MaxPositionEmbeddings, RMSNormEps: w.RMSNormEps, TieWordEmbeddings: w.TieWordEmbeddings,
		AttentionBias: w.AttentionBias, MLPBias: w.MLPBias, HiddenAct: w.HiddenAct, AttentionDropout: w.AttentionDropout,
		document: document,
	}
	if w.NumKeyValueHeads != nil {
		c.NumKeyValueHeads = *w.NumKeyValueHeads
	}
	if w.HeadDim != nil {
		c.HeadDim = *w.HeadDim
	} else if c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
	}
	if c.RopeTheta, c.Rope, err = w.rope(file); err != nil {
		return c, err
	}
	if err := c.check(file); err != nil {
		return c, err
	}
	if err := w.foreign(file, family); err != nil {
		return c, err
	}
	if c.Windows, err = w.windows(file, family); err != nil {
		return c, err
	}
	if c.EOS, err = document.tokens(file, "eos_token_id"); err != nil {
		return c, err
	}
	c.Pad, err = document.tokens(file, "pad_token_id")
	return c, err
}

// foreign refuses what belongs to another family: transformers would pass over it, and the file means something by it.
func (w written) foreign(file, family string) error {
	asked := func(b *bool) bool { return b == nil || *b }
	for _, key := range []struct {
		name    string
		is      bool
		allowed string
	}{
		{"attention_bias", w.AttentionBias, Llama + " " + Qwen3},
		{"mlp_bias", w.MLPBias, Llama},
		{"sliding_window", w.SlidingWindow != nil && asked(w.UseSlidingWindow), Mistral + " " + Qwen2 + " " + Qwen3},
	} {
		if key.is && !strings.Contains(key.allowed, family) {
			return fault.At(file, 0, "%s has no meaning for model_type %s, expected it to be absent, null or false", key.name, family)
		}
	}
	return nil
}

const fullAttention, slidingAttention = "full_attention", "sliding_attention"

// windows gives each layer's window, or nil where there is none.
func (w written) windows(file, family string) ([]int64, error) {
	size := int64(0)
	if w.SlidingWindow != nil {
		if size = *w.SlidingWindow; size <= 0 {
			return nil, fault.At(file, 0, "sliding_window is %d, expected a positive number or null", size)
		}
	}
	qwen := family == Qwen2 || family == Qwen3
	if family == Llama || qwen && (w.UseSlidingWindow == nil || !*w.UseSlidingWindow) {
		size = 0
	}
	if w.LayerTypes != nil && len(w.LayerTypes) != w.NumHiddenLayers {
		return nil, fault.At(file, 0, "layer_types has %d entries, expected %d, one for each layer", len(w.LayerTypes), w.NumHiddenLayers)
	}
	windows, some := make([]int64, w.NumHiddenLayers), false
	for i := range windows {
		slides := size > 0 && (!qwen || i >= w.MaxWindowLayers)
		if w.LayerTypes != nil {
			kind := w.LayerTypes[i]
			listed := kind == slidingAttention
			if kind != fullAttention && !listed || listed && size == 0 || !qwen && listed != slides {
				return nil, fault.At(file, 0, "layer_types[%d] is %q, which model_type %s with its sliding_window does not have here", i, kind, family)
			}
			slides = listed
		}
		if slides {
			windows[i], some = size, true
		}
	}
	if !some {
		return nil, nil
	}
	return windows, nil
}
