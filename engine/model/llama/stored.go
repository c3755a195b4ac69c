//go:build torch

package llama

import (
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Config implements model.Model.
func (m *Model) Config(dtype tensor.DType) ([]byte, error) {
	return m.config.Encode(m.embed.Weight.Size(0), dtype.String())
}

// Stored implements model.Model.
func (m *Model) Stored() []model.Stored {
	all := []model.Stored{{Name: "model.embed_tokens.weight", Tensor: m.embed.Weight}}
	for i, b := range m.layers {
		at := model.Layer("model.layers.%d.", i)
		for _, l := range []*nn.Linear{b.q, b.k, b.v, b.o} {
			all = append(all, model.StoredLinear(l)...)
		}
		if b.qNorm != nil {
			all = append(all, model.Stored{Name: at + "self_attn.q_norm.weight", Tensor: b.qNorm}, model.Stored{Name: at + "self_attn.k_norm.weight", Tensor: b.kNorm})
		}
		for _, l := range []*nn.Linear{b.gate, b.up, b.down} {
			all = append(all, model.StoredLinear(l)...)
		}
		all = append(all, model.Stored{Name: at + "input_layernorm.weight", Tensor: b.inputNorm},
			model.Stored{Name: at + "post_attention_layernorm.weight", Tensor: b.postNorm})
	}
	all = append(all, model.Stored{Name: "model.norm.weight", Tensor: m.norm})
	if m.head != nil {
		all = append(all, model.Stored{Name: "lm_head.weight", Tensor: m.head.Weight})
	}
	return all
}
