//go:build torch

package nn

import "elara/engine/tensor"

// Private holds the weights that adapters train in place of the base's: copies of their own, by the slot of the adapter. The
// base is shared by adapters that train at once, so its tensors are never written.
type Private struct {
	copies map[place]*tensor.Tensor
}

// place is a weight of the base in the eyes of one adapter. The output embedding has a place of its own, because the base may
// hold it and the input embedding as one matrix where an adapter does not.
type place struct {
	adapter int
	weight  *tensor.Tensor
	head    bool
}

// Set gives an adapter its own copy of a weight.
func (p *Private) Set(adapter int, weight, own *tensor.Tensor) {
	p.set(place{adapter: adapter, weight: weight}, own)
}

// SetHead gives an adapter its own output embedding.
func (p *Private) SetHead(adapter int, own *tensor.Tensor) {
	p.set(place{adapter: adapter, head: true}, own)
}

func (p *Private) set(at place, own *tensor.Tensor) {
	if p.copies == nil {
		p.copies = map[place]*tensor.Tensor{}
	}
	p.copies[at] = own
}

// Drop takes all copies of an adapter away; it frees none.
func (p *Private) Drop(adapter int) {
	for at := range p.copies {
		if at.adapter == adapter {
			delete(p.copies, at)
		}
	}
}

// Has reports whether an adapter has copies of its own.
func (p *Private) Has(adapter int) bool {
	for at := range p.copies {
		if at.adapter == adapter {
			return true
		}
	}
	return false
}

// of gives what an adapter has at a place, in the type of the weight it stands for, or nil.
func (p *Private) of(at place, weight *tensor.Tensor) *tensor.Tensor {
	if p == nil {
		return nil
	}
	own := p.copies[at]
	if own == nil {
		return nil
	}
	return own.To(weight.DType())
}

// Own gives the weight that a pass goes through: the adapter's copy where it has one, else the base's. It needs the pass that
// Hidden was given, and one adapter for all of its rows.
func (p *Pass) Own(weight *tensor.Tensor) *tensor.Tensor {
	return p.only(place{weight: weight}, weight)
}

// Head is Own for the output embedding, which head is in the base.
func (p *Pass) Head(head *tensor.Tensor) *tensor.Tensor {
	return p.only(place{head: true}, head)
}

func (p *Pass) only(at place, weight *tensor.Tensor) *tensor.Tensor {
	if p.Blend != nil {
		return p.blend(at, weight)
	}
	spans := p.spans(int64(len(p.Tokens)))
	for _, s := range spans {
		at.adapter = s.Adapter
		own := p.Private.of(at, weight)
		switch {
		case own != nil && len(spans) > 1:
			panic("a stream of several adapters holds one that trains weights of the base")
		case own != nil:
			return own
		}
	}
	return weight
}

// own is Own for the rows of one adapter; a nil weight has no copy.
func (p *Pass) own(s Span, weight *tensor.Tensor) *tensor.Tensor {
	if weight == nil {
		return nil
	}
	return p.Private.of(place{adapter: s.Adapter, weight: weight}, weight)
}
