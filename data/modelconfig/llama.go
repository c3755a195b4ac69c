package modelconfig

import (
	"encoding/json"

	"elara/spec/fault"
)

// The families of LlamaConfig, by transformers' model_type.
const (
	Llama   = "llama" // SmolLM2, Llama 2 and 3
	Qwen2   = "qwen2" // Qwen 2 and 2.5
	Qwen3   = "qwen3"
	Mistral = "mistral"
)

// class is transformers' name for a family's causal language model.
func class(family string) string {
	switch family {
	case Qwen2:
		return "Qwen2ForCausalLM"
	case Qwen3:
		return "Qwen3ForCausalLM"
	case Mistral:
		return "MistralForCausalLM"
	}
	return "LlamaForCausalLM"
}

// LlamaConfig holds the numbers of a Llama's config.json, or of a family that differs from it in a few places, under transformers' names.
type LlamaConfig struct {
	ModelType             string // empty: llama
	VocabSize             int64
	HiddenSize            int64
	IntermediateSize      int64
	NumHiddenLayers       int
	NumAttentionHeads     int64
	NumKeyValueHeads      int64
	HeadDim               int64
	MaxPositionEmbeddings int64
	RMSNormEps            float64
	RopeTheta             float64
	Rope                  Rope
	TieWordEmbeddings     bool
	AttentionBias         bool // of q, k, v and o; Qwen2 has one of q, k and v whatever this says
	MLPBias               bool
	HiddenAct             string
	AttentionDropout      float64

	// Windows says for each layer how many tokens one token sees, itself included; 0 is all. Nil is 0 for every layer.
	Windows []int64

	EOS []int32 // the tokens that end a text; a chat model may have several
	Pad []int32 // the padding token, or none

	document document // what was read; nil for a configuration that comes from elsewhere
}

// Family is the model_type.
func (c LlamaConfig) Family() string {
	if c.ModelType == "" {
		return Llama
	}
	return c.ModelType
}

// Biases of q, k and v, and of o.
func (c LlamaConfig) Biases() (projections, output bool) {
	return c.AttentionBias || c.ModelType == Qwen2, c.AttentionBias
}

// HeadNorms is true where queries and keys pass an RMSNorm of their own, head by head.
func (c LlamaConfig) HeadNorms() bool { return c.ModelType == Qwen3 }

// Window is how many tokens one token of a layer sees, itself included; 0: all.
func (c LlamaConfig) Window(layer int) int64 {
	if c.Windows == nil {
		return 0
	}
	return c.Windows[layer]
}

func (c LlamaConfig) check(file string) error {
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
	if !(c.RMSNormEps > 0) || !(c.RopeTheta > 0) {
		return fault.At(file, 0, "rms_norm_eps is %v and rope_theta %v, expected positive numbers", c.RMSNormEps, c.RopeTheta)
	}
	if !(c.AttentionDropout >= 0 && c.AttentionDropout < 1) {
		return fault.At(file, 0, "attention_dropout is %v, expected a probability below 1", c.AttentionDropout)
	}
	return nil
}

// JSON writes the configuration as config.json of a Hugging Face folder.
func (c LlamaConfig) JSON() ([]byte, error) { return c.Encode(c.VocabSize, "float32") }

// Encode writes what was read, or else every number, in the form that both transformers 4 and 5 read.
func (c LlamaConfig) Encode(vocabulary int64, dtype string) ([]byte, error) {
	if c.document != nil {
		return c.document.encode(vocabulary, dtype)
	}
	numbers := map[string]any{
		"architectures": []string{class(c.Family())}, "model_type": c.Family(),
		"hidden_size": c.HiddenSize, "intermediate_size": c.IntermediateSize, "num_hidden_layers": c.NumHiddenLayers,
		"num_attention_heads": c.NumAttentionHeads, "num_key_value_heads": c.NumKeyValueHeads, "head_dim": c.HeadDim,
		"max_position_embeddings": c.MaxPositionEmbeddings, "rms_norm_eps": c.RMSNormEps, "rope_theta": c.RopeTheta,
		"tie_word_embeddings": c.TieWordEmbeddings, "hidden_act": c.HiddenAct, "attention_dropout": c.AttentionDropout,
	}
	switch c.Family() {
	case Llama:
		numbers["attention_bias"], numbers["mlp_bias"] = c.AttentionBias, c.MLPBias
	case Qwen3:
		numbers["attention_bias"] = c.AttentionBias
	case Mistral: // whose absent window is one of 4096
		numbers["sliding_window"] = nil
	}
	if scaling := c.Rope.numbers(); scaling != nil {
		numbers["rope_scaling"] = scaling
	}
	if len(c.EOS) > 0 {
		numbers["eos_token_id"] = c.EOS
	}
	if len(c.EOS) == 1 {
		numbers["eos_token_id"] = c.EOS[0]
	}
	if len(c.Pad) > 0 {
		numbers["pad_token_id"] = c.Pad[0]
	}
	all := document{}
	for key, value := range numbers {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		all[key] = raw
	}
	return all.encode(vocabulary, dtype)
}
