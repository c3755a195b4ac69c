//go:build torch

package model

import (
	"bytes"
	"fmt"
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Reader loads weights of expected shapes and remembers the first thing that went wrong, so that a model's loader reads as
// the list of its layers.
type Reader struct {
	Source Source
	Engine *tensor.Engine
	DType  tensor.DType // every weight is converted to it
	Hollow bool         // leave the weights in the source, and make tensors that have their shapes only (Streamed)
	loaded []*tensor.Tensor
	sites  uint64
	err    error
}

// Free ends everything that was loaded, for a model that could not be completed.
func (r *Reader) Free() {
	for _, t := range r.loaded {
		t.Free()
	}
}

// Err is the first failure.
func (r *Reader) Err() error { return r.err }

// Weight loads one pinned tensor.
func (r *Reader) Weight(name string, shape ...int64) *tensor.Tensor {
	if r.err != nil {
		return nil
	}
	var out *tensor.Tensor
	r.Engine.Scope(func() {
		switch {
		case !r.Hollow:
			out, r.err = r.read(name, shape)
		case r.Source.Has(name):
			out = r.Engine.Hollow(r.DType, shape...)
		default:
			r.err = fault.At(r.Source.Path(), 0, "weight %q is missing", name)
		}
		if r.err == nil {
			r.loaded = append(r.loaded, out.Pin())
		}
	})
	return out
}

// read loads one tensor of the current scope.
func (r *Reader) read(name string, shape []int64) (*tensor.Tensor, error) {
	t, err := r.Source.Load(r.Engine, name)
	if err != nil {
		return nil, err
	}
	if got := t.Shape(); !slices.Equal(got, shape) {
		return nil, fault.At(r.Source.Path(), 0, "weight %q has shape %v, the configuration makes it %v", name, got, shape)
	}
	return t.To(r.DType), nil
}

// Linear loads module.weight [out, in], and module.bias [out] where bias is true; one that is there although it is false is
// refused, because a model without it would answer something else.
func (r *Reader) Linear(module string, in, out int64, bias bool) *nn.Linear {
	l := &nn.Linear{Name: module, Site: r.site(), Weight: r.Weight(module+".weight", out, in)}
	switch name := module + ".bias"; {
	case bias:
		l.Bias = r.Weight(name, out)
	case r.err == nil && r.Source.Has(name):
		r.err = fault.At(r.Source.Path(), 0, "weight %q has no place, the configuration gives this layer no bias", name)
	}
	return l
}

// Conv1D loads GPT-2's linear layer, which stores its weight as [in, out]; it is laid out as [out, in] here.
func (r *Reader) Conv1D(module string, in, out int64) *nn.Linear {
	l := &nn.Linear{Name: module, Site: r.site(), FanInFanOut: true}
	stored := r.Weight(module+".weight", in, out)
	if r.err != nil {
		return l
	}
	if r.Hollow {
		l.Weight = r.Engine.Hollow(r.DType, out, in).Pin()
	} else {
		r.Engine.Scope(func() { l.Weight = stored.T().Contiguous().Pin() })
	}
	r.loaded = append(r.loaded, l.Weight)
	stored.Free()
	l.Bias = r.Weight(module+".bias", out)
	return l
}

// Head loads the output embedding lm_head, or gives nil where the input embedding serves. A checkpoint that holds both although
// its configuration ties them has one twice, or two after all: transformers ties them where they are equal, and so it is here.
func (r *Reader) Head(tied bool, embed *Embedding, vocabulary, width int64) *Embedding {
	const name = "lm_head"
	if r.err != nil || tied && !r.Source.Has(name+".weight") {
		return nil
	}
	head := &Embedding{Name: name, Weight: r.Weight(name+".weight", vocabulary, width)}
	if r.err == nil && tied && bytes.Equal(r.elements(head), r.elements(embed)) {
		head.Weight.Free()
		return nil
	}
	return head
}

// elements gives what an embedding holds, also where that is still in the source.
func (r *Reader) elements(emb *Embedding) (data []byte) {
	if !r.Hollow {
		return emb.Weight.Bytes()
	}
	r.Engine.Scope(func() {
		var t *tensor.Tensor
		if t, r.err = r.read(emb.Name+".weight", emb.Weight.Shape()); r.err == nil {
			data = t.Bytes()
		}
	})
	return data
}

func (r *Reader) site() uint64 {
	r.sites++
	return r.sites
}

// Layer names a block's part: Layer("model.layers.%d.mlp.up_proj", 3).
func Layer(format string, i int) string { return fmt.Sprintf(format, i) }
