//go:build torch

package llama

import (
	"elara/data/modelconfig"
	"elara/engine/model"
)

// Weight is the name and shape of one stored tensor.
type Weight struct {
	Name  string
	Shape []int64
}

// Shapes lists the tensors of a model without biases whose head is tied, in the order of the forward pass.
func Shapes(c modelconfig.LlamaConfig) []Weight {
	d, heads, keyHeads := c.HiddenSize, c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	all := []Weight{{"model.embed_tokens.weight", []int64{c.VocabSize, d}}}
	for i := range c.NumHiddenLayers {
		at := model.Layer("model.layers.%d.", i)
		all = append(all,
			Weight{at + "input_layernorm.weight", []int64{d}},
			Weight{at + "self_attn.q_proj.weight", []int64{heads, d}},
			Weight{at + "self_attn.k_proj.weight", []int64{keyHeads, d}},
			Weight{at + "self_attn.v_proj.weight", []int64{keyHeads, d}},
			Weight{at + "self_attn.o_proj.weight", []int64{d, heads}},
			Weight{at + "post_attention_layernorm.weight", []int64{d}},
			Weight{at + "mlp.gate_proj.weight", []int64{c.IntermediateSize, d}},
			Weight{at + "mlp.up_proj.weight", []int64{c.IntermediateSize, d}},
			Weight{at + "mlp.down_proj.weight", []int64{d, c.IntermediateSize}})
	}
	return append(all, Weight{"model.norm.weight", []int64{d}})
}
