//go:build torch

package nn

import "elara/engine/tensor"

// Pass is one forward pass over a packed stream.
type Pass struct {
	Tokens    []int64 // ids of all segments, end to end
	Positions []int64 // of each token inside its own sequence
	Offsets   []int64 // borders of the segments, from 0 to len(Tokens)

	Train bool       // dropout is on
	Key   tensor.Key // stream of this micro-batch's dropout; every layer derives its own from it

	Cache *Cache // nil unless text is being generated
}

// NewPass lays sequences end to end; none may be empty.
func NewPass(sequences [][]int32) *Pass {
	p := &Pass{Offsets: []int64{0}}
	for _, s := range sequences {
		for i, id := range s {
			p.Tokens = append(p.Tokens, int64(id))
			p.Positions = append(p.Positions, int64(i))
		}
		p.Offsets = append(p.Offsets, int64(len(p.Tokens)))
	}
	return p
}

// dropout is p while training and 0 else.
func (p *Pass) dropout(probability float64) float64 {
	if p.Train {
		return probability
	}
	return 0
}

// Dropout applies dropout while training; site tells the places of one model apart.
func (p *Pass) Dropout(x *tensor.Tensor, probability float64, site uint64) *tensor.Tensor {
	if p.dropout(probability) == 0 {
		return x
	}
	return x.Dropout(probability, p.Key.Derive(site))
}
