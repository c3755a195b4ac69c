//go:build torch

package nn

import "elara/engine/tensor"

// Pass is one forward pass over a packed stream.
type Pass struct {
	Tokens    []int64 // ids of all segments, end to end
	Positions []int64 // of each token inside its own sequence
	tensor.Segments

	// What is to be predicted: Targets[i] after the token at row At[i] of the stream, by Weights[i] sequences at once.
	At, Targets []int64
	Weights     []float32

	// What was packed: Of[i] are the rows, by their number, that make prediction i, and Last[n] is where row n ends in the stream.
	Of   [][]int
	Last []int64

	// Wanted are the rows of the stream that are wanted, where it is not nil: behind the attention of the last block nothing else is
	// computed, and what the head reads has these rows, in this order. Not for passes with Spans or a Cache, nor with dropout on.
	Wanted []int64

	Train   bool       // dropout is on
	Key     tensor.Key // stream of this micro-batch's dropout; every layer derives its own from it
	Adapter int        // the slot of the adapter that all rows go through, or NoAdapter
	Spans   []Span     // where several adapters share the stream: their rows, in place of Adapter and Key
	Blend   []Blended  // where all rows go through several adapters at once, in place of Adapter; without dropout

	Cache   *Cache   // nil unless text is being generated
	Private *Private // what adapters have in place of the base's weights; the model puts its own here
}

// NoAdapter in place of a slot leaves the base to itself.
const NoAdapter = -1

// Span is one adapter's part of a stream that several adapters share.
type Span struct {
	Adapter    int // its slot on the model's linear layers
	Begin, End int64
	Key        tensor.Key // stream of its dropout
}

// spans gives the adapters' rows of a layer that is given so many.
func (p *Pass) spans(rows int64) []Span {
	if p.Spans != nil {
		return p.Spans
	}
	if p.Adapter == NoAdapter {
		return nil
	}
	return []Span{{Adapter: p.Adapter, Begin: 0, End: rows, Key: p.Key}}
}

// Thinned is what goes on behind the attention of the last block: the stream x and what attention gave, [tokens, ...], or of both
// the rows that are wanted.
func (p *Pass) Thinned(x, attended *tensor.Tensor) (_, _ *tensor.Tensor) {
	if p.Wanted == nil {
		return x, attended
	}
	rows := x.Engine().FromInt64(p.Wanted)
	return x.Rows(rows), attended.Rows(rows)
}

// linear is x W^T + bias with branches beside it: for generating, row by row.
func (p *Pass) linear(x, w, bias *tensor.Tensor, branches ...tensor.Branch) *tensor.Tensor {
	switch {
	case p.Cache != nil:
		return tensor.LinearRows(x, w, bias, branches)
	case len(branches) == 0:
		return tensor.Linear(x, w, bias)
	}
	return tensor.LoRALinear(x, w, bias, branches)
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
