//go:build torch

package nn

import "elara/engine/tensor"

// Linear is a frozen x W^T + b, with a LoRA branch where an adapter was attached.
type Linear struct {
	Name   string         // the module's full name in transformers, such as model.layers.0.self_attn.q_proj
	Site   uint64         // its number among the model's linear layers: the branch's dropout stream
	Weight *tensor.Tensor // [out, in]
	Bias   *tensor.Tensor // [out] or nil
	Branch *Branch        // nil without an adapter

	// FanInFanOut is true where the checkpoint stores the weight as [in, out] (transformers' Conv1D, in GPT-2).
	FanInFanOut bool
}

// Branch is the low-rank path beside a frozen weight: scale * dropout(x) A^T B^T.
type Branch struct {
	A, B    *tensor.Tensor // float32 [r, in], [out, r]
	Scale   float64        // alpha / r
	Dropout float64
}

// Forward maps [tokens, in] to [tokens, out].
func (l *Linear) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	if l.Branch == nil {
		return tensor.Linear(x, l.Weight, l.Bias)
	}
	b := l.Branch
	return tensor.LoRALinear(x, l.Weight, l.Bias, b.A, b.B, b.Scale, p.dropout(b.Dropout), p.Key.Named("lora").Derive(l.Site))
}

// In is the width of what comes in.
func (l *Linear) In() int64 { return l.Weight.Size(1) }

// Out is the width of what goes out.
func (l *Linear) Out() int64 { return l.Weight.Size(0) }

// Weights lists the frozen tensors of some layers.
func Weights(layers []*Linear) []*tensor.Tensor {
	var all []*tensor.Tensor
	for _, l := range layers {
		all = append(all, l.Weight)
		if l.Bias != nil {
			all = append(all, l.Bias)
		}
	}
	return all
}
