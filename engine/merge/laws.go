//go:build torch

package merge

import (
	"cmp"
	"math"
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
)

// Law is something that must hold of every merge, as it was found.
type Law struct {
	Difference float64 `json:"difference"` // largest, over the largest element of what was expected
	Bound      float64 `json:"bound"`
}

func (l Law) holds() bool { return l.Difference <= l.Bound }

// Laws are measured on a few layers, with nothing cut off by a rank or a quantile.
type Laws struct {
	Layers   []string `json:"layers"`
	Identity Law      `json:"identity"` // one adapter with the weight 1 and nothing pruned is itself
	Scale    Law      `json:"scale"`    // twice the weights give twice the delta
	Symmetry Law      `json:"symmetry"` // the order of the adapters does not matter
}

// Hold reports whether all of them do.
func (l Laws) Hold() bool { return l.Identity.holds() && l.Scale.holds() && l.Symmetry.holds() }

const (
	lawLayers = 3 // the smallest: a method does the same on all
	lawBound  = 1e-5
)

// Laws measures them on the deltas of layers that all adapters have.
func (m *Merge) Laws() (laws Laws, err error) {
	layers := slices.DeleteFunc(m.base.Linears(), func(l *nn.Linear) bool { return len(m.on(l)) < len(m.Sources) })
	slices.SortStableFunc(layers, func(a, b *nn.Linear) int { return cmp.Compare(a.Weight.Numel(), b.Weight.Numel()) })
	laws = Laws{Layers: []string{}, Identity: Law{Bound: lawBound}, Scale: Law{Bound: lawBound}, Symmetry: Law{Bound: lawBound}}
	for _, l := range layers[:min(lawLayers, len(layers))] {
		laws.Layers = append(laws.Layers, l.Name)
		l.Weight.Engine().Scope(func() { err = m.measure(l, &laws) })
		if err != nil {
			return laws, err
		}
	}
	return laws, nil
}

func (m *Merge) measure(l *nn.Linear, laws *Laws) error {
	for _, s := range m.Sources {
		alone := m.with([]Source{s}, []float64{1})
		if alone.Method.CombinationType.Prunes() {
			alone.Method.Density = 1
		}
		got, err := alone.whole(l)
		if err != nil {
			return err
		}
		want, err := m.delta(l, s)
		if err != nil {
			return err
		}
		laws.Identity.Difference = max(laws.Identity.Difference, apart(want, got))
	}
	merged, err := m.with(m.Sources, m.Method.Weights).whole(l)
	if err != nil {
		return err
	}
	twice := slices.Clone(m.Method.Weights)
	for i := range twice {
		twice[i] *= 2
	}
	doubled, err := m.with(m.Sources, twice).whole(l)
	if err != nil {
		return err
	}
	laws.Scale.Difference = max(laws.Scale.Difference, apart(merged.Scale(2), doubled))
	sources, weights := slices.Clone(m.Sources), slices.Clone(m.Method.Weights)
	slices.Reverse(sources)
	slices.Reverse(weights)
	turned, err := m.with(sources, weights).whole(l)
	if err != nil {
		return err
	}
	laws.Symmetry.Difference = max(laws.Symmetry.Difference, apart(merged, turned))
	return nil
}

// with is the same merge of other adapters.
func (m *Merge) with(sources []Source, weights []float64) *Merge {
	other := *m
	other.Sources, other.Method.Weights, other.Method.SVDClamp = sources, weights, 0
	return &other
}

// whole is the delta that the merge gives a layer, [out, in], with nothing cut off. An exact merge has it without factors.
func (m *Merge) whole(l *nn.Linear) (*tensor.Tensor, error) {
	if m.Exact() && m.isDecomposed(l) {
		sum := l.Weight.Engine().Zeros(tensor.Float32, l.Out(), l.In())
		for i, s := range m.Sources {
			delta, err := m.delta(l, s)
			if err != nil {
				return nil, err
			}
			sum = sum.Add(delta.Scale(m.Method.Weights[i]))
		}
		return sum, nil
	}
	uncut := *m
	if uncut.Method.CombinationType.IsSVD() {
		uncut.rank = min(l.In(), l.Out())
	}
	f, err := uncut.factors(l)
	if err != nil {
		return nil, err
	}
	return f.product(), nil
}

// isDecomposed reports whether an adapter of a layer uses DoRA.
func (m *Merge) isDecomposed(l *nn.Linear) bool {
	return slices.ContainsFunc(m.on(l), func(s Source) bool { return s.branch(l).Magnitude != nil })
}

// apart is the largest difference of two tensors over the largest element of the first.
func apart(want, got *tensor.Tensor) float64 {
	var most, scale float64
	values := got.Float32s()
	for i, v := range want.Float32s() {
		most, scale = max(most, math.Abs(float64(v)-float64(values[i]))), max(scale, math.Abs(float64(v)))
	}
	if scale == 0 {
		return most
	}
	return most / scale
}
