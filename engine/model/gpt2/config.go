//go:build torch

package gpt2

import (
	"encoding/json"

	"elara/engine/model"
	"elara/spec/fault"
)

// Config holds the numbers of config.json, under transformers' names.
type Config struct {
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

	eos, pad []int32
	document model.Document // what was read
}

// ParseConfig reads and checks config.json; absent keys have transformers' defaults. file stands for it in errors.
func ParseConfig(file string, data []byte) (Config, error) {
	document, err := model.ParseDocument(file, data)
	if err != nil {
		return Config{}, err
	}
	c := Config{
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
	}{{"vocab_size", c.VocabSize}, {"n_positions", c.NPositions}, {"n_embd", c.NEmbd}, {"n_layer", int64(c.NLayer)}, {"n_head", c.NHead}, {"n_inner", c.inner()}} {
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
	if c.eos, err = document.Tokens(file, "eos_token_id"); err != nil {
		return c, err
	}
	c.pad, err = document.Tokens(file, "pad_token_id")
	return c, err
}

func (c Config) inner() int64 {
	if c.NInner != nil {
		return *c.NInner
	}
	return 4 * c.NEmbd
}
