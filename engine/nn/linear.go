//go:build torch

package nn

import "elara/engine/tensor"

// Linear is a frozen x W^T + b, with the LoRA branches of the adapters that were attached.
type Linear struct {
	Name   string         // the module's full name in transformers, such as model.layers.0.self_attn.q_proj
	Site   uint64         // its number among the model's linear layers: the branch's dropout stream
	Weight *tensor.Tensor // [out, in]
	Bias   *tensor.Tensor // [out] or nil

	// FanInFanOut is true where the checkpoint stores the weight as [in, out] (transformers' Conv1D, in GPT-2).
	FanInFanOut bool

	branches map[int]*Branch // by the slot of the adapter
}

// Branch is the low-rank path beside a frozen weight: scale * dropout(x) A^T B^T.
type Branch struct {
	A, B    *tensor.Tensor // float32 [r, in], [out, r]
	Scale   float64        // alpha / r
	Dropout float64
}

// Attach puts an adapter's branch on the layer; nil takes it off.
func (l *Linear) Attach(adapter int, b *Branch) {
	if b == nil {
		delete(l.branches, adapter)
		return
	}
	if l.branches == nil {
		l.branches = map[int]*Branch{}
	}
	l.branches[adapter] = b
}

// Branch is an adapter's branch, or nil.
func (l *Linear) Branch(adapter int) *Branch { return l.branches[adapter] }

// Forward maps [tokens, in] to [tokens, out].
func (l *Linear) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	var on []tensor.Branch
	for _, s := range p.spans() {
		if b := l.branches[s.Adapter]; b != nil {
			on = append(on, tensor.Branch{
				A: b.A, B: b.B, Scale: b.Scale, Dropout: p.dropout(b.Dropout), Key: s.Key.Named("lora").Derive(l.Site), Begin: s.Begin, End: s.End,
			})
		}
	}
	if len(on) == 0 {
		return tensor.Linear(x, l.Weight, l.Bias)
	}
	return tensor.LoRALinear(x, l.Weight, l.Bias, on)
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
