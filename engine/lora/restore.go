//go:build torch

package lora

import (
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// reader takes tensors out of an adapter's file and knows which are left.
type reader struct {
	file   *tensor.Safetensors
	path   string
	e      *tensor.Engine
	left   []string
	shared bool // others run over the base: nothing may replace its embeddings
}

// take gives a tensor of a shape, in float32.
func (r *reader) take(name string, shape ...int64) (*tensor.Tensor, error) {
	got, ok := r.file.Shape(name)
	if !ok {
		return nil, fault.At(r.path, 0, "tensor %q is missing: adapter of another base", name)
	}
	if !slices.Equal(got, shape) {
		return nil, fault.At(r.path, 0, "tensor %q has shape %v, this base needs %v: adapter of another base", name, got, shape)
	}
	t, err := r.load(name)
	if err != nil {
		return nil, err
	}
	return t.To(tensor.Float32), nil
}

func (r *reader) load(name string) (*tensor.Tensor, error) {
	r.drop(func(n string) bool { return n == name })
	return r.file.Load(r.e, name)
}

func (r *reader) drop(is func(name string) bool) { r.left = slices.DeleteFunc(r.left, is) }

func (a *Adapter) restore(r *reader) error {
	targets, err := match(a.model, a.Config)
	if err != nil {
		return fault.At(r.path, 0, "adapter of another base: %w", err)
	}
	own, err := privates(a.model, a.Config, targets)
	if err != nil {
		return fault.At(r.path, 0, "adapter of another base: %w", err)
	}
	for _, t := range targets {
		if err := a.restoreModule(r, t); err != nil {
			return err
		}
	}
	// The base's own embeddings are replaced last, when nothing can fail any more; the copies need to know them before.
	replace, err := a.embeddings(r, own)
	if err != nil {
		return err
	}
	var score *nn.Score
	if a.Config.TaskType == spec.TaskSeqCls {
		weight, err := r.take(scoreName, 1, a.model.Facts().Width)
		if err != nil {
			return err
		}
		score = &nn.Score{Weight: weight}
	}
	copies := make([]*tensor.Tensor, len(own))
	for i, p := range own {
		if copies[i], err = r.private(p); err != nil {
			return err
		}
	}
	r.drop(func(name string) bool { return isEcho(name, a.Config) })
	if len(r.left) > 0 {
		return fault.At(r.path, 0, "tensor %q has no place in this base: adapter of another base", r.left[0])
	}
	replace()
	if own, err = privates(a.model, a.Config, targets); err != nil {
		return err
	}
	for i, p := range own {
		a.keep(p, copies[i])
	}
	if score != nil {
		a.score(score)
	}
	return nil
}

func (a *Adapter) restoreModule(r *reader, t module) error {
	name := prefix + t.Name
	down, err := r.take(name+".lora_A.weight", t.rank, t.In())
	if err != nil {
		return err
	}
	up, err := r.take(name+".lora_B.weight", t.Out(), t.rank)
	if err != nil {
		return err
	}
	var magnitude *tensor.Tensor
	if a.Config.UseDoRA {
		if magnitude, err = r.take(name+".lora_magnitude_vector", t.Out()); err != nil {
			return err
		}
	}
	a.attach(t, down, up, magnitude)
	return nil
}

// private reads the adapter's copy of a weight. An embedding may have more rows than the base's.
func (r *reader) private(p private) (*tensor.Tensor, error) {
	param := Param{Tensor: p.Tensor, transposed: p.Transposed}
	shape := param.stored().Shape()
	if got, ok := r.file.Shape(p.name); ok && p.isEmbedding && len(got) == 2 && got[0] > shape[0] {
		shape[0] = got[0]
	}
	t, err := r.take(p.name, shape...)
	if err != nil {
		return nil, err
	}
	return Param{Tensor: t, transposed: p.Transposed}.stored(), nil
}
