//go:build torch

package llama

import (
	"encoding/json"
	"fmt"

	"elara/data/gguf"
	"elara/spec/fault"
)

// Config holds the numbers of config.json, under transformers' names.
type Config struct {
	VocabSize             int64   `json:"vocab_size"`
	HiddenSize            int64   `json:"hidden_size"`
	IntermediateSize      int64   `json:"intermediate_size"`
	NumHiddenLayers       int     `json:"num_hidden_layers"`
	NumAttentionHeads     int64   `json:"num_attention_heads"`
	NumKeyValueHeads      int64   `json:"num_key_value_heads"`
	HeadDim               int64   `json:"head_dim"`
	MaxPositionEmbeddings int64   `json:"max_position_embeddings"`
	RMSNormEps            float64 `json:"rms_norm_eps"`
	RopeTheta             float64 `json:"rope_theta"`
	TieWordEmbeddings     bool    `json:"tie_word_embeddings"`
	AttentionBias         bool    `json:"attention_bias"`
	MLPBias               bool    `json:"mlp_bias"`
	HiddenAct             string  `json:"hidden_act"`
	AttentionDropout      float64 `json:"attention_dropout"`

	RopeScaling    *rope `json:"rope_scaling"`
	RopeParameters *rope `json:"rope_parameters"` // where transformers 5 writes rope_theta
}

type rope struct {
	RopeTheta float64 `json:"rope_theta"`
	RopeType  string  `json:"rope_type"`
	Type      string  `json:"type"`
}

// ParseConfig reads and checks config.json; file stands for it in errors.
func ParseConfig(file string, data []byte) (Config, error) {
	c := Config{MaxPositionEmbeddings: 2048, RMSNormEps: 1e-6, RopeTheta: 10000, HiddenAct: "silu"}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fault.At(file, 0, "not a model configuration: %w", err)
	}
	if p := c.RopeParameters; p != nil && p.RopeTheta != 0 {
		c.RopeTheta = p.RopeTheta
	}
	for _, p := range []*rope{c.RopeScaling, c.RopeParameters} {
		if p == nil {
			continue
		}
		for _, kind := range []string{p.RopeType, p.Type} {
			if kind != "" && kind != "default" {
				return c, fault.At(file, 0, "rope type %q is not supported, expected default", kind)
			}
		}
	}
	if c.NumKeyValueHeads == 0 {
		c.NumKeyValueHeads = c.NumAttentionHeads
	}
	if c.HeadDim == 0 && c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
	}
	return c, c.check(file)
}

func (c Config) check(file string) error {
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"vocab_size", c.VocabSize}, {"hidden_size", c.HiddenSize}, {"intermediate_size", c.IntermediateSize},
		{"num_hidden_layers", int64(c.NumHiddenLayers)}, {"num_attention_heads", c.NumAttentionHeads},
		{"num_key_value_heads", c.NumKeyValueHeads}, {"head_dim", c.HeadDim}, {"max_position_embeddings", c.MaxPositionEmbeddings},
	} {
		if field.value <= 0 || field.value > 1<<24 {
			return fault.At(file, 0, "%s is %d, expected a positive number", field.name, field.value)
		}
	}
	if c.NumAttentionHeads%c.NumKeyValueHeads != 0 || c.HeadDim%2 != 0 {
		return fault.At(file, 0, "%d heads over %d key heads of width %d: expected a multiple and an even width", c.NumAttentionHeads, c.NumKeyValueHeads, c.HeadDim)
	}
	if c.HiddenAct != "silu" {
		return fault.At(file, 0, "hidden_act %q is not supported, expected silu", c.HiddenAct)
	}
	return nil
}

// ConfigFromGGUF reads the same numbers from a GGUF file's metadata.
func ConfigFromGGUF(f *gguf.File) (Config, error) {
	c := Config{HiddenAct: "silu", TieWordEmbeddings: true}
	arch, err := f.String("general.architecture")
	if err != nil {
		return c, err
	}
	if arch != "llama" {
		return c, fault.At(f.Path(), 0, "architecture %q is not supported, expected llama", arch)
	}
	read := func(key string, into *int64) {
		if err != nil {
			return
		}
		var v uint64
		if v, err = f.Uint("llama." + key); err == nil {
			*into = int64(v)
		}
	}
	var layers int64
	read("embedding_length", &c.HiddenSize)
	read("feed_forward_length", &c.IntermediateSize)
	read("block_count", &layers)
	read("attention.head_count", &c.NumAttentionHeads)
	read("attention.head_count_kv", &c.NumKeyValueHeads)
	read("context_length", &c.MaxPositionEmbeddings)
	if err != nil {
		return c, err
	}
	c.NumHiddenLayers = int(layers)
	if c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
	}
	if c.RMSNormEps, err = f.Float("llama.attention.layer_norm_rms_epsilon"); err != nil {
		return c, err
	}
	c.RopeTheta = 10000
	if f.Has("llama.rope.freq_base") {
		if c.RopeTheta, err = f.Float("llama.rope.freq_base"); err != nil {
			return c, err
		}
	}
	if f.Has("llama.rope.scaling.type") {
		kind, err := f.String("llama.rope.scaling.type")
		if err != nil || kind != "none" {
			return c, fault.At(f.Path(), 0, "rope scaling %q is not supported", kind)
		}
	}
	embedding, err := f.Tensor("token_embd.weight")
	if err != nil {
		return c, err
	}
	if len(embedding.Shape) != 2 {
		return c, fault.At(f.Path(), 0, "token_embd.weight has shape %v, expected [vocabulary, width]", embedding.Shape)
	}
	c.VocabSize = int64(embedding.Shape[0])
	if _, err := f.Tensor("output.weight"); err == nil {
		c.TieWordEmbeddings = false
	}
	return c, c.check(f.Path())
}

// JSON writes the configuration as config.json of a Hugging Face folder.
func (c Config) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(struct {
		Architectures []string `json:"architectures"`
		ModelType     string   `json:"model_type"`
		DType         string   `json:"dtype"`
		Config
		RopeScaling    *rope `json:"rope_scaling,omitempty"`
		RopeParameters *rope `json:"rope_parameters,omitempty"`
	}{Architectures: []string{"LlamaForCausalLM"}, ModelType: "llama", DType: "float32", Config: c}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return data, nil
}
