//go:build torch

package nn

import "elara/engine/tensor"

// Blended is an adapter with a weight.
type Blended struct {
	Adapter int // its slot
	Weight  float64
}

// blended is the layer with the weighted sum of what several adapters make of it: y + sum_i weight_i (y_i - y), y being the
// base's product and y_i that of adapter i. It is what training left live, and what merging has to come up to.
// x: [tokens, in].
func (l *Linear) blended(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	y := tensor.Linear(x, l.Weight, l.Bias)
	sum := y
	for _, b := range p.Blend {
		s := Span{Adapter: b.Adapter, End: int64(len(p.Tokens))}
		if l.branches[s.Adapter] != nil || p.own(s, l.Weight) != nil || p.own(s, l.Bias) != nil {
			sum = sum.Add(l.adapted(p, s, x).Sub(y).Scale(b.Weight))
		}
	}
	return sum
}

// blend is the weighted sum of the adapters' copies of a weight: w + sum_i weight_i (w_i - w).
func (p *Pass) blend(at place, weight *tensor.Tensor) *tensor.Tensor {
	sum := weight
	for _, b := range p.Blend {
		at.adapter = b.Adapter
		if own := p.Private.of(at, weight); own != nil {
			sum = sum.Add(own.Sub(weight).Scale(b.Weight))
		}
	}
	return sum
}
