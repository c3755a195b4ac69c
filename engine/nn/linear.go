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
	Scale   float64        // alpha / r, or alpha / sqrt(r)
	Dropout float64

	// Magnitude, float32 [out], makes it weight-decomposed (DoRA, arXiv 2402.09353): the rows of W + scale * B A are brought to
	// these lengths. Nil leaves them as they are.
	Magnitude *tensor.Tensor
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
	if p.Blend != nil {
		return l.blended(p, x)
	}
	spans := p.spans(x.Size(0))
	var on []tensor.Branch
	for _, s := range spans {
		b := l.branches[s.Adapter]
		if b != nil && b.Magnitude != nil || p.own(s, l.Weight) != nil || p.own(s, l.Bias) != nil {
			return l.apart(p, spans, x)
		}
		if b != nil {
			on = append(on, l.branch(p, s, b, s.Begin))
		}
	}
	return p.linear(x, l.Weight, l.Bias, on...)
}

// branch describes the branch of a span whose rows begin at begin in what the layer is given.
func (l *Linear) branch(p *Pass, s Span, b *Branch, begin int64) tensor.Branch {
	return tensor.Branch{
		A: b.A, B: b.B, Scale: b.Scale, Dropout: p.dropout(b.Dropout), Key: s.Key.Named("lora").Derive(l.Site), Begin: begin, End: begin + s.End - s.Begin,
	}
}

// apart is Forward where an adapter changes more than a branch beside the base's product can: each has its rows to itself.
func (l *Linear) apart(p *Pass, spans []Span, x *tensor.Tensor) *tensor.Tensor {
	if len(spans) == 1 {
		return l.adapted(p, spans[0], x)
	}
	parts := make([]*tensor.Tensor, len(spans))
	for i, s := range spans {
		parts[i] = l.adapted(p, s, x.Narrow(0, s.Begin, s.End-s.Begin))
	}
	return tensor.Cat(0, parts...)
}

// adapted is the layer with all that one adapter changes, on its rows.
func (l *Linear) adapted(p *Pass, s Span, x *tensor.Tensor) *tensor.Tensor {
	weight, bias := l.Weight, l.Bias
	if own := p.own(s, weight); own != nil {
		weight = own
	}
	if own := p.own(s, bias); own != nil {
		bias = own
	}
	b := l.branches[s.Adapter]
	if b == nil {
		return p.linear(x, weight, bias)
	}
	branch := l.branch(p, s, b, 0)
	if b.Magnitude == nil && bias == l.Bias {
		return p.linear(x, weight, bias, branch) // the bits of Forward without others beside it
	}
	y := l.product(p, x, weight, b, branch)
	if bias != nil {
		y = y.Add(bias)
	}
	return y
}

// product is x W^T with the branch, without the bias. With a magnitude m it is m/n * (x W^T + scale * x A^T B^T), n being the
// length of each row of W + scale * B A, which counts as a constant (section 4.3 of the paper). As in PEFT, what dropout takes
// from x still goes through W itself, undecomposed.
func (l *Linear) product(p *Pass, x, weight *tensor.Tensor, b *Branch, branch tensor.Branch) *tensor.Tensor {
	if b.Magnitude == nil {
		return p.linear(x, weight, nil, branch)
	}
	factor := b.Magnitude.Div(tensor.RowNorms(weight, b.A, b.B, b.Scale)).To(x.DType())
	if branch.Dropout == 0 {
		return p.linear(x, weight, nil, branch).Mul(factor)
	}
	kept := x.Dropout(branch.Dropout, branch.Key)
	branch.Dropout = 0
	return p.linear(kept, weight, nil, branch).Mul(factor).Add(p.linear(x.Sub(kept), weight, nil))
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
