package modelconfig

import (
	"encoding/json"

	"elara/spec/fault"
)

// GPT2 is its model_type.
const GPT2 = "gpt2"

// GPT2Config holds the numbers of a GPT-2's config.json, under transformers' names.
type GPT2Config struct {
	VocabSize                  int64   `json:"vocab_size"`
	NPositions                 int64   `json:"n_positions"`
	NEmbd                      int64   `json:"n_embd"`
	NLayer                     int     `json:"n_layer"`
	NHead                      int64   `json:"n_head"`
	NInner                     *int64  `json:"n_inner"` // nil: four times the width
	ActivationFunction         string  `json:"activation_function"`
	ResidPdrop                 float64 `json:"resid_pdrop"`
	EmbdPdrop                  float64 `json:"embd_pdrop"`
	AttnPdrop                  float64 `json:"attn_pdrop"`
	LayerNormEpsilon           float64 `json:"layer_norm_epsilon"`
	ScaleAttnWeights           bool    `json:"scale_attn_weights"`
	ScaleAttnByInverseLayerIdx bool    `json:"scale_attn_by_inverse_layer_idx"`
	ReorderAndUpcastAttn       bool    `json:"reorder_and_upcast_attn"`
	TieWordEmbeddings          bool    `json:"tie_word_embeddings"`
	AddCrossAttention          bool    `json:"add_cross_attention"`

	EOS []int32 `json:"-"` // the tokens that end a text
	Pad []int32 `json:"-"` // the padding token, or none

	document document // what was read
}

// ParseGPT2 reads and checks config.json; absent keys have transformers' defaults. file stands for it in errors.
func ParseGPT2(file string, data []byte) (GPT2Config, error) {
	document, err := parseDocument(file, data)
	if err != nil {
		return GPT2Config{}, err
	}
	c := GPT2Config{
		VocabSize: 50257, NPositions: 1024, NEmbd: 768, NLayer: 12, NHead: 12, ActivationFunction: "gelu_new",
		ResidPdrop: 0.1, EmbdPdrop: 0.1, AttnPdrop: 0.1, LayerNormEpsilon: 1e-5, ScaleAttnWeights: true, TieWordEmbeddings: true,
		document: document,
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fault.At(file, 0, "not a model configuration: %w", err)
	}
	for _, field := range []struct {
		name  string
		value int64
	}{{"vocab_size", c.VocabSize}, {"n_positions", c.NPositions}, {"n_embd", c.NEmbd}, {"n_layer", int64(c.NLayer)}, {"n_head", c.NHead}, {"n_inner", c.Inner()}} {
		if field.value <= 0 || field.value > 1<<24 {
			return c, fault.At(file, 0, "%s is %d, expected a positive number", field.name, field.value)
		}
	}
	if c.NEmbd%c.NHead != 0 {
		return c, fault.At(file, 0, "n_embd %d is no multiple of n_head %d", c.NEmbd, c.NHead)
	}
	if c.ActivationFunction != "gelu_new" && c.ActivationFunction != "gelu_pytorch_tanh" {
		return c, fault.At(file, 0, "activation_function %q is not supported, expected gelu_new", c.ActivationFunction)
	}
	for name, asked := range map[string]bool{"reorder_and_upcast_attn": c.ReorderAndUpcastAttn, "add_cross_attention": c.AddCrossAttention} {
		if asked {
			return c, fault.At(file, 0, "%s is not supported, expected false", name)
		}
	}
	for name, p := range map[string]float64{"resid_pdrop": c.ResidPdrop, "embd_pdrop": c.EmbdPdrop, "attn_pdrop": c.AttnPdrop} {
		if p < 0 || p >= 1 {
			return c, fault.At(file, 0, "%s is %v, expected a probability below 1", name, p)
		}
	}
	if c.EOS, err = document.tokens(file, "eos_token_id"); err != nil {
		return c, err
	}
	c.Pad, err = document.tokens(file, "pad_token_id")
	return c, err
}

// Encode writes what was read, for a model of this vocabulary, and of this type by torch's name.
func (c GPT2Config) Encode(vocabulary int64, dtype string) ([]byte, error) {
	return c.document.encode(vocabulary, dtype)
}

// Inner is the width inside the MLP.
func (c GPT2Config) Inner() int64 {
	if c.NInner != nil {
		return *c.NInner
	}
	return 4 * c.NEmbd
}
