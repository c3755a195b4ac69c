//go:build torch

package recipes

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/nn"
	"elara/engine/tensor"
)

// doraByHand is PEFT's forward pass of one row in float64: the base's output, and beside it (m/n - 1) times the base's output
// without bias on what dropout leaves of the input, and m/n times the scaled product of the two matrices.
func doraByHand(x, kept, w, bias, a, b, magnitude []float32, rank int, scale float64) []float64 {
	in, out := len(x), len(magnitude)
	dot := func(u, v []float32) (sum float64) {
		for i := range u {
			sum += float64(u[i]) * float64(v[i])
		}
		return sum
	}
	y := make([]float64, out)
	for o := range out {
		row, length, low := w[o*in:(o+1)*in], 0.0, 0.0
		for i := range in {
			element := float64(row[i])
			for k := range rank {
				element += scale * float64(b[o*rank+k]) * float64(a[k*in+i])
			}
			length += element * element
		}
		for k := range rank {
			low += float64(b[o*rank+k]) * dot(kept, a[k*in:(k+1)*in])
		}
		factor := float64(magnitude[o]) / math.Sqrt(length)
		y[o] = dot(x, row) + float64(bias[o]) + (factor-1)*dot(kept, row) + factor*scale*low
	}
	return y
}

func TestDoRAAndItsDropoutAreThoseOfPEFT(t *testing.T) {
	const in, out, rank, rows, scale = 6, 4, 2, 3, 1.5
	r := newRunner(t)
	values := func(name string, n int64) []float32 { return formula(name, []int64{n}) }
	x, w, bias := values("x", rows*in), values("w", out*in), values("bias", out)
	a, b, magnitude := values("a", rank*in), values("b", out*rank), values("norm", out)
	for _, dropout := range []float64{0, 0.5} {
		require.NoError(t, r.Engine.Do(func() error {
			e := r.Engine
			layer := &nn.Linear{Site: 3, Weight: e.FromFloat32(w, out, in), Bias: e.FromFloat32(bias, out)}
			layer.Attach(1, &nn.Branch{
				A: e.FromFloat32(a, rank, in), B: e.FromFloat32(b, out, rank), Magnitude: e.FromFloat32(magnitude, out), Scale: scale, Dropout: dropout,
			})
			pass := &nn.Pass{Tokens: make([]int64, rows), Adapter: 1, Train: true, Key: 7}
			input := e.FromFloat32(x, rows, in)
			got := layer.Forward(pass, input).Float32s()
			kept := x
			if dropout > 0 {
				kept = input.Dropout(dropout, tensor.Key(7).Named("lora").Derive(3)).Float32s()
				require.Contains(t, kept, float32(0))
			}
			for row := range rows {
				want := doraByHand(x[row*in:(row+1)*in], kept[row*in:(row+1)*in], w, bias, a, b, magnitude, rank, scale)
				for o := range want {
					require.InDelta(t, want[o], float64(got[row*out+o]), 1e-6, "dropout %v, row %d, output %d", dropout, row, o)
				}
			}
			return nil
		}))
	}
}

// Each adapter of a stream that several share has its rows to itself: the result is that of a pass of its own.
func TestAdaptersOfSeveralKindsShareAStream(t *testing.T) {
	const in, out, rank = 6, 4, 2
	r := newRunner(t)
	require.NoError(t, r.Engine.Do(func() error {
		e := r.Engine
		fill := func(name string, shape ...int64) *tensor.Tensor { return e.FromFloat32(formula(name, shape), shape...) }
		layer := &nn.Linear{Site: 1, Weight: fill("w", out, in), Bias: fill("bias", out)}
		for slot, magnitude := range []*tensor.Tensor{fill("norm", out), nil} {
			layer.Attach(slot, &nn.Branch{A: fill("a", rank, in), B: fill("b", out, rank), Scale: 2, Dropout: 0.5, Magnitude: magnitude})
		}
		private := &nn.Private{}
		private.Set(2, layer.Bias, fill("own bias", out))
		x := fill("x", 9, in)
		lengths, shared := []int64{2, 3, 1, 3}, &nn.Pass{Tokens: make([]int64, 9), Train: true, Private: private}
		adapters := []int{0, 1, nn.NoAdapter, 2}
		var want []float32
		begin := int64(0)
		for i, n := range lengths {
			key := tensor.Key(10 + i)
			shared.Spans = append(shared.Spans, nn.Span{Adapter: adapters[i], Begin: begin, End: begin + n, Key: key})
			alone := &nn.Pass{Tokens: make([]int64, n), Train: true, Adapter: adapters[i], Key: key, Private: private}
			want = append(want, layer.Forward(alone, x.Narrow(0, begin, n)).Float32s()...)
			begin += n
		}
		got := layer.Forward(shared, x).Float32s()
		require.InDeltaSlice(t, want, got, 1e-6)
		base := tensor.Linear(x.Narrow(0, 6, 3), layer.Weight, layer.Bias).Float32s()
		require.NotEqual(t, base, got[6*out:], "the last adapter has a bias of its own")
		return nil
	}))
}
