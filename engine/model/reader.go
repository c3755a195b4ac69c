//go:build torch

package model

import (
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
		t, err := r.Source.Load(r.Engine, name)
		if err != nil {
			r.err = err
			return
		}
		if got := t.Shape(); !slices.Equal(got, shape) {
			r.err = fault.At(r.Source.Path(), 0, "weight %q has shape %v, the configuration makes it %v", name, got, shape)
			return
		}
		out = t.To(r.DType).Pin()
		r.loaded = append(r.loaded, out)
	})
	return out
}

// Linear loads module.weight [out, in], and module.bias [out] where bias is true.
func (r *Reader) Linear(module string, in, out int64, bias bool) *nn.Linear {
	l := &nn.Linear{Name: module, Site: r.site(), Weight: r.Weight(module+".weight", out, in)}
	if bias {
		l.Bias = r.Weight(module+".bias", out)
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
	r.Engine.Scope(func() { l.Weight = stored.T().Contiguous().Pin() })
	r.loaded = append(r.loaded, l.Weight)
	stored.Free()
	l.Bias = r.Weight(module+".bias", out)
	return l
}

func (r *Reader) site() uint64 {
	r.sites++
	return r.sites
}

// Layer names a block's part: Layer("model.layers.%d.mlp.up_proj", 3).
func Layer(format string, i int) string { return fmt.Sprintf(format, i) }
