//go:build torch

package merge

import (
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Folded is the base with what the adapters of an exact merge do in its weights. What is stored of it is made when it is read:
// model.Save takes the memory of the largest tensor.
type Folded struct {
	model.Model
	stored []model.Stored
}

// Stored implements model.Model.
func (f *Folded) Stored() []model.Stored { return f.stored }

// Fold puts the adapters into the base. The merge must be exact. Each is called before each tensor, with how many there are;
// its error ends the merge.
func (m *Merge) Fold(each func(tensors int) error) (*Folded, error) {
	linears := map[*tensor.Tensor]*nn.Linear{}
	for _, l := range m.base.Linears() {
		linears[l.Weight] = l
	}
	isStored := map[string]bool{}
	f := &Folded{Model: m.base.Model}
	for _, w := range m.base.Stored() {
		isStored[w.Name] = true
		read := w
		w.Read = func() (*tensor.Tensor, error) {
			if err := each(len(f.stored)); err != nil {
				return nil, err
			}
			return m.folded(read, linears[read.Tensor])
		}
		f.stored = append(f.stored, w)
	}
	embedding := m.base.Embeddings()[0].Name + ".weight"
	for _, s := range m.Sources {
		for name := range s.copies {
			if !isStored[name] || m.base.Facts().TiedHead && name == embedding {
				return nil, fault.New(fault.Invalid, "adapter %s trains an embedding (modules_to_save), and the base has one matrix for input and output: expected a merge into an adapter", s.Name)
			}
		}
	}
	return f, nil
}

// folded is w + sum_i weight_i (w_i - w), w_i being what adapter i makes of a weight: with its copy, with its two matrices, or
// with both. The sum is float32.
func (m *Merge) folded(w model.Stored, l *nn.Linear) (*tensor.Tensor, error) {
	base, err := m.base.Read(w)
	if err != nil {
		return nil, err
	}
	sum := base
	for i, s := range m.Sources {
		if own := s.copies[w.Name]; own != nil {
			sum = sum.Add(own.Sub(base).Scale(m.Method.Weights[i]))
		}
		if l == nil || s.branch(l) == nil {
			continue
		}
		delta, err := m.delta(l, s)
		if err != nil {
			return nil, err
		}
		sum = sum.Add(delta.Scale(m.Method.Weights[i]))
	}
	return sum, nil
}
