//go:build torch

package merge

import (
	"math"
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// factors are what a linear layer gets: down [rank, in], up [out, rank]. Their product is added to the weight.
type factors struct{ down, up *tensor.Tensor }

func (f factors) product() *tensor.Tensor { return f.up.MatMul(f.down) }

// factors merges one linear layer, which some adapter must have. What a layer has not of the rank is zeros.
func (m *Merge) factors(l *nn.Linear) (factors, error) {
	on := m.on(l)
	for _, s := range on {
		if s.branch(l).Magnitude != nil && !m.Method.CombinationType.IsSVD() {
			return factors{}, fault.New(fault.Invalid,
				"adapter %s is weight-decomposed (use_dora): what it adds to %s has no two factors, expected cat into the base, or a method with _svd", s.Name, l.Name)
		}
	}
	var f factors
	switch c := m.Method.CombinationType; {
	case c == spec.CombineCat:
		f = m.sideBySide(l, on)
	case c.IsSVD():
		return m.cut(l, on)
	default:
		f = m.elementwise(l, on)
	}
	return f.padded(m.rank), nil
}

// sideBySide joins the factors, so that their product is the exact sum. Weight and scale go into A, as in PEFT.
func (m *Merge) sideBySide(l *nn.Linear, on []Source) factors {
	var downs, ups []*tensor.Tensor
	for _, s := range on {
		b := s.branch(l)
		downs, ups = append(downs, b.A.Scale(m.weight(s)*b.Scale)), append(ups, b.B)
	}
	return factors{tensor.Cat(0, downs...), tensor.Cat(1, ups...)}
}

// elementwise combines A with A and B with B. Each has the root of weight and scale; the sign goes with A.
func (m *Merge) elementwise(l *nn.Linear, on []Source) factors {
	downs, ups := make([]task, len(on)), make([]task, len(on))
	for i, s := range on {
		b := s.branch(l)
		weight := m.weight(s) * b.Scale
		root := math.Sqrt(math.Abs(weight))
		downs[i] = task{b.A.Float32s(), math.Copysign(root, weight), m.drawing(s, l.Name+".lora_A")}
		ups[i] = task{b.B.Float32s(), root, m.drawing(s, l.Name+".lora_B")}
	}
	first := on[0].branch(l)
	e := first.A.Engine()
	return factors{
		e.FromFloat32(combine(m.Method, downs), first.A.Shape()...), e.FromFloat32(combine(m.Method, ups), first.B.Shape()...),
	}
}

// cut combines whole deltas and keeps as much of the result as the rank holds.
func (m *Merge) cut(l *nn.Linear, on []Source) (factors, error) {
	plain := !slices.ContainsFunc(on, func(s Source) bool { return s.branch(l).Magnitude != nil })
	together := int64(0)
	for _, s := range on {
		together += s.branch(l).A.Size(0)
	}
	if m.Method.CombinationType == spec.CombineSVD && plain && m.Method.SVDClamp == 0 && together < min(l.In(), l.Out()) {
		return thinSVD(m.sideBySide(l, on), m.rank), nil
	}
	delta, err := m.combinedDelta(l, on)
	if err != nil {
		return factors{}, err
	}
	u, s, vh := delta.SVD()
	f := factors{vh.Narrow(0, 0, m.rank).Contiguous(), u.Narrow(1, 0, m.rank).Mul(s.Narrow(0, 0, m.rank))}
	if m.Method.SVDClamp > 0 {
		f = f.clamped(m.Method.SVDClamp)
	}
	return f, nil
}

// thinSVD is the SVD of a product of thin factors, from that of the small matrix between their orthogonal parts: with
// up = Q R and down^T = P S it is Q (R S^T) P^T. The product is that of the SVD of the whole matrix.
func thinSVD(f factors, rank int64) factors {
	q, r := f.up.QR()
	p, s := f.down.T().QR()
	u, values, vh := r.MatMul(s.T()).SVD()
	keep := min(rank, values.Size(0))
	return factors{
		vh.Narrow(0, 0, keep).MatMul(p.T()),
		q.MatMul(u.Narrow(1, 0, keep)).Mul(values.Narrow(0, 0, keep)),
	}.padded(rank)
}

// combinedDelta is the method on whole deltas, [out, in].
func (m *Merge) combinedDelta(l *nn.Linear, on []Source) (*tensor.Tensor, error) {
	tasks := make([]task, len(on))
	for i, s := range on {
		delta, err := m.delta(l, s)
		if err != nil {
			return nil, err
		}
		tasks[i] = task{delta.Float32s(), m.weight(s), m.drawing(s, l.Name)}
	}
	return l.Weight.Engine().FromFloat32(combine(m.Method, tasks), l.Out(), l.In()), nil
}

// delta is what an adapter adds to a weight, [out, in]: scale * B A, or with DoRA m/n (W + scale * B A) - W, n being the lengths
// of the rows of W + scale * B A.
func (m *Merge) delta(l *nn.Linear, s Source) (*tensor.Tensor, error) {
	b := s.branch(l)
	low := b.B.MatMul(b.A).Scale(b.Scale)
	if b.Magnitude == nil {
		return low, nil
	}
	weight, err := m.base.Read(m.stored[l.Weight])
	if err != nil {
		return nil, err
	}
	if own := s.copies[m.stored[l.Weight].Name]; own != nil {
		weight = own
	}
	factor := b.Magnitude.Div(tensor.RowNorms(weight, b.A, b.B, b.Scale)).View(l.Out(), 1)
	return weight.Add(low).Mul(factor).Sub(weight), nil
}

// padded adds zeros up to a rank; the product stays.
func (f factors) padded(rank int64) factors {
	missing := rank - f.down.Size(0)
	if missing <= 0 {
		return f
	}
	e := f.down.Engine()
	return factors{
		tensor.Cat(0, f.down, e.Zeros(tensor.Float32, missing, f.down.Size(1))),
		tensor.Cat(1, f.up, e.Zeros(tensor.Float32, f.up.Size(0), missing)),
	}
}

// clamped cuts the elements of both factors off at a quantile of all of them, and at its negative.
func (f factors) clamped(quantile float64) factors {
	up, down := f.up.Float32s(), f.down.Float32s()
	all := slices.Concat(up, down)
	slices.Sort(all)
	at := quantile * float64(len(all)-1) // torch.quantile interpolates linearly
	below := int(at)
	high := all[below]
	if below+1 < len(all) {
		high += float32(at-float64(below)) * (all[below+1] - all[below])
	}
	for _, values := range [][]float32{up, down} {
		for i, v := range values {
			values[i] = min(max(v, -high), high)
		}
	}
	e := f.up.Engine()
	return factors{e.FromFloat32(down, f.down.Shape()...), e.FromFloat32(up, f.up.Shape()...)}
}
