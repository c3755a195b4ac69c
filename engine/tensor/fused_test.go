//go:build torch

package tensor

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
)

// inEachForm runs a test's body with the fused kernels and with the portable operations. A GPU has the second only.
func inEachForm(t *testing.T, body func(e *Engine)) {
	t.Helper()
	for name, portable := range map[string]bool{"fused": false, "portable": true} {
		if !portable && testdevice.Name() != CPU {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e := started(t, portable)
			require.NoError(t, e.Do(func() error { body(e); return nil }))
		})
	}
}

// gradient checks the backward pass of f at the inputs against central differences of a weighted sum of its output.
func gradient(t *testing.T, e *Engine, f func(in []*Tensor) *Tensor, inputs ...[]float32) {
	t.Helper()
	weigh := func(y *Tensor) *Tensor {
		n := y.Numel()
		w := e.Zeros(Float32, n).Uniform(-1, 1, 99)
		return y.View(1, n).MatMul(w.View(n, 1)).View(1)
	}
	build := func(values [][]float32) []*Tensor {
		in := make([]*Tensor, len(values))
		for i, v := range values {
			in[i] = e.FromFloat32(v, int64(len(v))).RequireGrad()
		}
		return in
	}
	leaves := build(inputs)
	weigh(f(leaves)).Backward()
	for i, values := range inputs {
		grad := leaves[i].Grad().Float32s()
		for j := 0; j < len(values); j += 1 + len(values)/12 {
			const h = 1e-2
			at := func(delta float32) float64 {
				copies := make([][]float32, len(inputs))
				for k := range inputs {
					copies[k] = append([]float32{}, inputs[k]...)
				}
				copies[i][j] += delta
				return weigh(f(build(copies))).Scalar()
			}
			numeric := (at(h) - at(-h)) / (2 * h)
			require.InDelta(t, numeric, float64(grad[j]), 2e-3+2e-2*math.Abs(numeric), "input %d element %d", i, j)
		}
	}
}

func draw(n int, seed uint64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(2*Key(seed).Derive(uint64(i)).Unit() - 1)
	}
	return out
}

func TestRMSNormAgainstHand(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		// mean square of (3, 4) is 12.5; with eps 0 the row is divided by 3.5355339.
		y := e.FromFloat32([]float32{3, 4}, 1, 2).RMSNorm(e.FromFloat32([]float32{1, 2}, 2), 0).Float32s()
		require.InDeltaSlice(t, []float32{0.8485281, 2.2627417}, y, 1e-6)
		gradient(t, e, func(in []*Tensor) *Tensor { return in[0].View(4, 6).RMSNorm(in[1], 1e-5) }, draw(24, 1), draw(6, 2))
	})
}

func TestSwiGLUAgainstHand(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		// silu(1) = 0.7310586, silu(-2) = -0.2384058.
		y := SwiGLU(e.FromFloat32([]float32{1, -2}, 2), e.FromFloat32([]float32{2, 3}, 2)).Float32s()
		require.InDeltaSlice(t, []float32{1.4621172, -0.7152175}, y, 1e-6)
		gradient(t, e, func(in []*Tensor) *Tensor { return SwiGLU(in[0], in[1]) }, draw(30, 3), draw(30, 4))
	})
}

func TestRopeAgainstHand(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		cos := e.FromFloat32([]float32{1, 0, 0.6, 0.8}, 2, 2) // position 0: angles 0 and 90 degrees; position 1: 0.6, 0.8
		sin := e.FromFloat32([]float32{0, 1, 0.8, 0.6}, 2, 2)
		x := e.FromFloat32([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 1, 4)
		y := x.Rope(cos, sin, e.FromInt64([]int64{0, 1})).Float32s()
		require.InDeltaSlice(t, []float32{1, -4, 3, 2, 3 - 5.6, 0, 4.2 + 4, 6.4 + 3.6}, y, 1e-5)
		gradient(t, e, func(in []*Tensor) *Tensor {
			return in[0].View(2, 3, 4).Rope(cos, sin, e.FromInt64([]int64{1, 0}))
		}, draw(24, 5))
	})
}

// reference is causal attention of one head, written out in float64.
func reference(q, k, v []float32, length, width int, scale float64) []float32 {
	out := make([]float32, length*width)
	for i := range length {
		weights, total := make([]float64, i+1), 0.0
		for j := range i + 1 {
			dot := 0.0
			for d := range width {
				dot += float64(q[i*width+d]) * float64(k[j*width+d])
			}
			weights[j] = math.Exp(dot * scale)
			total += weights[j]
		}
		for d := range width {
			sum := 0.0
			for j := range i + 1 {
				sum += weights[j] / total * float64(v[j*width+d])
			}
			out[i*width+d] = float32(sum)
		}
	}
	return out
}

func TestAttentionSeesOwnSegmentOnly(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		const width, scale = 4, 0.5
		q, k, v := draw(9*width, 6), draw(9*width, 7), draw(9*width, 8)
		y := Attention(e.FromFloat32(q, 9, 1, width), e.FromFloat32(k, 9, 1, width), e.FromFloat32(v, 9, 1, width), alone(3, 6), 0, scale, 0, 0).Float32s()
		first := reference(q[:3*width], k[:3*width], v[:3*width], 3, width, scale)
		second := reference(q[3*width:], k[3*width:], v[3*width:], 6, width, scale)
		require.InDeltaSlice(t, append(first, second...), y, 1e-6)
	})
}

// alone cuts a stream into segments of these lengths that each begin a sequence.
func alone(lengths ...int64) Segments {
	s := Segments{Offsets: []int64{0}}
	for _, n := range lengths {
		s.Offsets = append(s.Offsets, s.Offsets[len(s.Offsets)-1]+n)
		s.Parents = append(s.Parents, -1)
	}
	return s
}

// A tree: a beginning of 3 tokens, on which 2 tokens follow, on which 2 and 1 follow; and 2 others on the beginning.
var tree = Segments{Offsets: []int64{0, 3, 5, 7, 8, 10}, Parents: []int64{-1, 0, 1, 1, 0}}

func TestAttentionOverATreeIsThatOfItsSequences(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		const width, scale = 4, 0.5
		q, k, v := draw(10*width, 6), draw(10*width, 7), draw(10*width, 8)
		y := Attention(e.FromFloat32(q, 10, 1, width), e.FromFloat32(k, 10, 1, width), e.FromFloat32(v, 10, 1, width), tree, 0, scale, 0, 0).Float32s()
		for _, rows := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 7}, {0, 1, 2, 8, 9}} {
			take := func(x []float32) (out []float32) {
				for _, r := range rows {
					out = append(out, x[r*width:(r+1)*width]...)
				}
				return out
			}
			require.InDeltaSlice(t, reference(take(q), take(k), take(v), len(rows), width, scale), take(y), 1e-6, "rows %v", rows)
		}
	})
}

func TestAttentionGradientOverATreeAndWithAWindow(t *testing.T) {
	for _, window := range []int64{0, 1, 3} {
		t.Run(fmt.Sprintf("window %d", window), func(t *testing.T) {
			inEachForm(t, func(e *Engine) {
				gradient(t, e, func(in []*Tensor) *Tensor {
					return Attention(in[0].View(10, 4, 4), in[1].View(10, 2, 4), in[2].View(10, 2, 4), tree, window, 0.5, 0, 0)
				}, draw(10*16, 9), draw(10*8, 10), draw(10*8, 11))
			})
		})
	}
}

// With a window of one a token sees itself alone, and gets its own value.
func TestAttentionWindowCountsTheTokenItself(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		v := draw(5*4, 8)
		y := Attention(e.FromFloat32(draw(20, 6), 5, 1, 4), e.FromFloat32(draw(20, 7), 5, 1, 4), e.FromFloat32(v, 5, 1, 4), alone(5), 1, 0.5, 0, 0).Float32s()
		require.InDeltaSlice(t, v, y, 1e-6)
	})
}

func TestAttentionGradientWithGroupedHeadsAndDropout(t *testing.T) {
	for _, p := range []float64{0, 0.3} {
		t.Run(fmt.Sprintf("dropout %v", p), func(t *testing.T) {
			inEachForm(t, func(e *Engine) {
				gradient(t, e, func(in []*Tensor) *Tensor {
					return Attention(in[0].View(7, 4, 4), in[1].View(7, 2, 4), in[2].View(7, 2, 4), alone(2, 5), 0, 0.5, p, 3)
				}, draw(7*16, 9), draw(7*8, 10), draw(7*8, 11))
			})
		})
	}
}

// Query head h reads key head h / group, as transformers' repeat_kv lays them out.
func TestAttentionGroupsHeadsAsTransformers(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		const width, scale, length = 4, 0.5, 5
		q, k, v := draw(length*4*width, 12), draw(length*2*width, 13), draw(length*2*width, 14)
		y := Attention(e.FromFloat32(q, length, 4, width), e.FromFloat32(k, length, 2, width), e.FromFloat32(v, length, 2, width), alone(length), 0, scale, 0, 0).Float32s()
		column := func(x []float32, heads, h int) []float32 {
			var out []float32
			for i := range length {
				out = append(out, x[(i*heads+h)*width:(i*heads+h+1)*width]...)
			}
			return out
		}
		for h := range 4 {
			want := reference(column(q, 4, h), column(k, 2, h/2), column(v, 2, h/2), length, width, scale)
			require.InDeltaSlice(t, want, column(y, 4, h), 1e-6, "head %d", h)
		}
	})
}

func TestLinearCrossEntropyAgainstHandAndChunks(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		// logits (1, 2) and (3, 0): -log p of class 0 is log(1+e) = 1.3132617, of class 1 is log(1+e^3) = 3.0485873.
		h := e.FromFloat32([]float32{1, 0, 0, 1}, 2, 2)
		w := e.FromFloat32([]float32{1, 3, 2, 0}, 2, 2)
		sum, nll := LinearCrossEntropy(h, w, e.FromInt64([]int64{0, 1}), nil, 0, 256)
		require.InDeltaSlice(t, []float32{1.3132617, 3.0485873}, nll.Float32s(), 1e-6)
		require.InDelta(t, 4.361849, sum.Scalar(), 1e-6)
		sum, nll = LinearCrossEntropy(h, w, e.FromInt64([]int64{0, 1}), e.FromFloat32([]float32{3, 0.5}, 2), 0, 1)
		require.InDeltaSlice(t, []float32{1.3132617, 3.0485873}, nll.Float32s(), 1e-6)
		require.InDelta(t, 3*1.3132617+0.5*3.0485873, sum.Scalar(), 1e-6)
		// The mean of -log p over both classes is (1.3132617 + 0.3132617) / 2 and (0.0485873 + 3.0485873) / 2.
		sum, nll = LinearCrossEntropy(h, w, e.FromInt64([]int64{0, 1}), e.FromFloat32([]float32{3, 0.5}, 2), 0.1, 1)
		require.InDeltaSlice(t, []float32{1.3132617, 3.0485873}, nll.Float32s(), 1e-6, "smoothing changes what rows are measured by")
		require.InDelta(t, 3*(0.9*1.3132617+0.1*0.8132617)+0.5*(0.9*3.0485873+0.1*1.5485873), sum.Scalar(), 2e-6)
		targets := []int64{3, 0, 4, 1, 2, 2, 0}
		weights := []float32{1, 2, 0.5, 1, 3, 1, 0.25}
		for _, chunk := range []int64{2, 256} {
			for _, weighted := range []bool{false, true} {
				for _, smoothing := range []float64{0, 0.3} {
					gradient(t, e, func(in []*Tensor) *Tensor {
						var each *Tensor
						if weighted {
							each = e.FromFloat32(weights, 7)
						}
						s, _ := LinearCrossEntropy(in[0].View(7, 6), in[1].View(5, 6), e.FromInt64(targets), each, smoothing, chunk)
						return s
					}, draw(42, 18), draw(30, 19))
				}
			}
		}
	})
}

func TestLoRALinearGradientWithDropout(t *testing.T) {
	for _, p := range []float64{0, 0.4} {
		t.Run(fmt.Sprintf("dropout %v", p), func(t *testing.T) {
			inEachForm(t, func(e *Engine) {
				w, bias := e.FromFloat32(draw(30, 20), 5, 6), e.FromFloat32(draw(5, 21), 5)
				gradient(t, e, func(in []*Tensor) *Tensor {
					return LoRALinear(in[0].View(7, 6), w, bias, []Branch{{A: in[1].View(2, 6), B: in[2].View(5, 2), Scale: 2, Dropout: p, Key: 4, End: 7}})
				}, draw(42, 22), draw(12, 23), draw(10, 24))
			})
		})
	}
}

// Two adapters on rows 0 to 2 and 4 to 6, of different ranks, and row 3 without one: each part is what it is alone.
func TestLoRALinearKeepsBranchesApart(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		const p = 0.4
		x, w, bias := e.FromFloat32(draw(42, 22), 7, 6), e.FromFloat32(draw(30, 20), 5, 6), e.FromFloat32(draw(5, 21), 5)
		first := Branch{A: e.FromFloat32(draw(12, 23), 2, 6), B: e.FromFloat32(draw(10, 24), 5, 2), Scale: 2, Dropout: p, Key: 4, Begin: 0, End: 3}
		second := Branch{A: e.FromFloat32(draw(18, 30), 3, 6), B: e.FromFloat32(draw(15, 31), 5, 3), Scale: 0.5, Dropout: p, Key: 9, Begin: 4, End: 7}
		part := func(b Branch) []float32 {
			rows := x.Narrow(0, b.Begin, b.End-b.Begin)
			b.Begin, b.End = 0, b.End-b.Begin
			return LoRALinear(rows, w, bias, []Branch{b}).Float32s()
		}
		want := append(append(part(first), Linear(x.Narrow(0, 3, 1), w, bias).Float32s()...), part(second)...)
		require.InDeltaSlice(t, want, LoRALinear(x, w, bias, []Branch{first, second}).Float32s(), 1e-6)
		gradient(t, e, func(in []*Tensor) *Tensor {
			return LoRALinear(in[0].View(7, 6), w, bias, []Branch{
				{A: in[1].View(2, 6), B: in[2].View(5, 2), Scale: 2, Dropout: p, Key: 4, Begin: 0, End: 3},
				{A: in[3].View(3, 6), B: in[4].View(5, 3), Scale: 0.5, Dropout: p, Key: 9, Begin: 4, End: 7},
			})
		}, draw(42, 22), draw(12, 23), draw(10, 24), draw(18, 30), draw(15, 31))
	})
}

func TestLoRALinearRefusesRowsOutsideTheStream(t *testing.T) {
	e := started(t, false)
	err := e.Do(func() error {
		LoRALinear(e.Zeros(Float32, 3, 6), e.Zeros(Float32, 5, 6), nil, []Branch{{A: e.Zeros(Float32, 2, 6), B: e.Zeros(Float32, 5, 2), Begin: 1, End: 4}})
		return nil
	})
	require.ErrorContains(t, err, "branch over rows 1 to 4 of 3")
}

func TestFusedKernelsInBFloat16StayNearFloat32(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		x, w := e.FromFloat32(draw(64*96, 25), 64, 96), e.FromFloat32(draw(96, 26), 96)
		want := x.RMSNorm(w, 1e-5).Float32s()
		got := x.To(BFloat16).RMSNorm(w.To(BFloat16), 1e-5).Float32s()
		require.InDeltaSlice(t, want, got, 0.03)
		q := e.FromFloat32(draw(40*4*16, 27), 40, 4, 16)
		k := e.FromFloat32(draw(40*2*16, 28), 40, 2, 16)
		want = Attention(q, k, k, alone(15, 25), 0, 0.25, 0, 0).Float32s()
		got = Attention(q.To(BFloat16), k.To(BFloat16), k.To(BFloat16), alone(15, 25), 0, 0.25, 0, 0).Float32s()
		require.InDeltaSlice(t, want, got, 0.03)
	})
}
