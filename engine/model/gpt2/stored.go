//go:build torch

package gpt2

import (
	"elara/engine/model"
	"elara/engine/tensor"
)

// Config implements model.Model.
func (m *Model) Config(dtype tensor.DType) ([]byte, error) {
	return m.config.Encode(m.tokens.Weight.Size(0), dtype.String())
}

// Stored implements model.Model.
func (m *Model) Stored() []model.Stored {
	all := []model.Stored{{Name: root + "wte.weight", Tensor: m.tokens.Weight}, {Name: root + "wpe.weight", Tensor: m.positions}}
	norm := func(name string, weight, bias *tensor.Tensor) {
		all = append(all, model.Stored{Name: name + ".weight", Tensor: weight}, model.Stored{Name: name + ".bias", Tensor: bias})
	}
	for i, b := range m.layers {
		at := model.Layer(root+"h.%d.", i)
		norm(at+"ln_1", b.norm1W, b.norm1B)
		all = append(append(all, model.StoredLinear(b.attn)...), model.StoredLinear(b.attnProj)...)
		norm(at+"ln_2", b.norm2W, b.norm2B)
		all = append(append(all, model.StoredLinear(b.fc)...), model.StoredLinear(b.mlpProj)...)
	}
	norm(root+"ln_f", m.normW, m.normB)
	if m.head != nil {
		all = append(all, model.Stored{Name: "lm_head.weight", Tensor: m.head.Weight})
	}
	return all
}
