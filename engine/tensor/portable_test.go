//go:build torch

package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
	"elara/spec/fault"
)

// operation is a fused operation over leaves of some type, with the number of elements of each leaf.
type operation struct {
	sizes []int
	run   func(e *Engine, in []*Tensor) *Tensor
}

// operations are the fused ones, on shapes that reach every branch: trees, windows, groups of heads, chunks, weights.
func operations() map[string]operation {
	attention := func(s Segments, window int64, p float64) operation {
		n := s.Offsets[len(s.Offsets)-1]
		return operation{sizes: []int{int(n) * 4 * 8, int(n) * 2 * 8, int(n) * 2 * 8}, run: func(_ *Engine, in []*Tensor) *Tensor {
			return Attention(in[0].View(n, 4, 8), in[1].View(n, 2, 8), in[2].View(n, 2, 8), s, window, 0.35, p, 3)
		}}
	}
	entropy := func(weights []float32, smoothing float64) operation {
		return operation{sizes: []int{7 * 6, 5 * 6}, run: func(e *Engine, in []*Tensor) *Tensor {
			var each *Tensor
			if weights != nil {
				each = e.FromFloat32(weights, 7)
			}
			sum, _ := LinearCrossEntropy(in[0].View(7, 6), in[1].View(5, 6), e.FromInt64([]int64{3, 0, 4, 1, 2, 2, 0}), each, smoothing, 3)
			return sum.View(1)
		}}
	}
	// Of these no segment is much of the work, so that threads share them out; those of fan go on from one.
	many := slices.Repeat([]int64{5, 7}, 40)
	fan := alone(many...)
	for i := range fan.Parents[1:] {
		fan.Parents[i+1] = 0
	}
	return map[string]operation{
		"rms norm": {[]int{24, 6}, func(_ *Engine, in []*Tensor) *Tensor { return in[0].View(4, 6).RMSNorm(in[1], 1e-5) }},
		"swiglu":   {[]int{300, 300}, func(_ *Engine, in []*Tensor) *Tensor { return SwiGLU(in[0], in[1]) }},
		"rope": {[]int{24}, func(e *Engine, in []*Tensor) *Tensor {
			cos, sin := e.FromFloat32([]float32{1, 0, 0.6, 0.8}, 2, 2), e.FromFloat32([]float32{0, 1, 0.8, 0.6}, 2, 2)
			return in[0].View(2, 3, 4).Rope(cos, sin, e.FromInt64([]int64{1, 0}))
		}},
		"lora linear": {[]int{7 * 6, 2 * 6, 5 * 2}, func(e *Engine, in []*Tensor) *Tensor {
			w := e.FromFloat32(draw(30, 20), 5, 6).To(in[0].DType())
			return LoRALinear(in[0].View(7, 6), w, nil, []Branch{{A: in[1].View(2, 6), B: in[2].View(5, 2), Scale: 2, Dropout: 0.4, Key: 4, End: 7}})
		}},
		// Rows enough for many tiles of draws and more than one thread of them, in two branches, the last tile of each not full.
		"lora linear, long": {[]int{700 * 71, 2 * 71, 5 * 2, 3 * 71, 5 * 3}, func(e *Engine, in []*Tensor) *Tensor {
			w := e.FromFloat32(draw(5*71, 20), 5, 71).To(in[0].DType())
			return LoRALinear(in[0].View(700, 71), w, nil, []Branch{
				{A: in[1].View(2, 71), B: in[2].View(5, 2), Scale: 2, Dropout: 0.4, Key: 4, End: 333},
				{A: in[3].View(3, 71), B: in[4].View(5, 3), Scale: 0.5, Dropout: 0.1, Key: 5, Begin: 333, End: 700},
			})
		}},
		"dropout":                        {[]int{1000}, func(_ *Engine, in []*Tensor) *Tensor { return in[0].Dropout(0.3, 77) }},
		"attention":                      attention(alone(3, 6, 1), 0, 0),
		"attention with a window":        attention(alone(3, 6, 1), 2, 0),
		"attention with dropout":         attention(alone(3, 6, 1), 0, 0.3),
		"attention over a tree":          attention(tree, 0, 0),
		"attention over a tree, dropout": attention(tree, 0, 0.3),
		"attention over a tree, window":  attention(tree, 3, 0),
		// Segments of more rows than a block of the fused kernel.
		"attention, long":               attention(alone(5, 450), 0, 0),
		"attention, long with a window": attention(alone(450), 200, 0),
		"attention over a long tree":    attention(Segments{Offsets: []int64{0, 210, 420, 640}, Parents: []int64{-1, 0, 0}}, 0, 0),
		"attention of many":             attention(alone(many...), 0, 0),
		"attention of many, dropout":    attention(alone(many...), 0, 0.3),
		"attention of many over a tree": attention(fan, 0, 0),
		"cross-entropy":                 entropy(nil, 0),
		"cross-entropy, weighted":       entropy([]float32{1, 2, 0.5, 1, 3, 1, 0.25}, 0.2),
	}
}

// outcome is an operation's result and the gradients of a weighted sum of it.
func (o operation) outcome(t *testing.T, portable bool, dtype DType) (all [][]float32) {
	t.Helper()
	e := started(t, portable)
	require.NoError(t, e.Do(func() error {
		var leaves []*Tensor
		for i, n := range o.sizes {
			leaves = append(leaves, e.FromFloat32(draw(n, uint64(i)+40), int64(n)).To(dtype).Pin().RequireGrad())
		}
		y := o.run(e, leaves)
		all = append(all, y.Float32s())
		weights := e.Zeros(Float32, y.Numel()).Uniform(-1, 1, 99).View(y.Shape()...).To(y.DType())
		y.BackwardWith(weights)
		for _, leaf := range leaves {
			all = append(all, leaf.Grad().Float32s())
		}
		return nil
	}))
	return all
}

// In float16 the kernels for the CPU know nothing, and the result in float32 stands in for theirs. The bounds are a few steps of
// the type's mantissa: 23, 10 and 7 bits.
func TestPortableFormsAreThoseOfTheFusedKernels(t *testing.T) {
	if testdevice.Name() != CPU {
		t.Skip("the fused kernels are those of the CPU")
	}
	for name, o := range operations() {
		for dtype, bound := range map[DType]float64{Float32: 2e-6, Float16: 4e-3, BFloat16: 3e-2} {
			t.Run(fmt.Sprintf("%s, %s", name, dtype), func(t *testing.T) {
				like := dtype
				if dtype == Float16 {
					like = Float32
				}
				want, got := o.outcome(t, false, like), o.outcome(t, true, dtype)
				for i := range want {
					scale := 0.0
					for _, v := range want[i] {
						scale = max(scale, math.Abs(float64(v)))
					}
					require.InDeltaSlice(t, want[i], got[i], bound*max(1, scale), "0 is the result, then come the gradients: %d", i)
				}
			})
		}
	}
}

// The generator is the same, so that an adapter drops the same elements on every device; the number of elements is no multiple
// of the tile.
func TestPortableDropoutHasTheMaskOfTheFusedOneBitForBit(t *testing.T) {
	if testdevice.Name() != CPU {
		t.Skip("the fused kernels are those of the CPU")
	}
	for _, key := range []Key{0, 5, 1<<63 + 12345, math.MaxUint64} {
		for _, dtype := range []DType{Float32, BFloat16} {
			var masks [][]byte
			for _, portable := range []bool{false, true} {
				e := started(t, portable)
				require.NoError(t, e.Do(func() error {
					masks = append(masks, e.FromFloat32(draw(5003, 1), 5003).To(dtype).Dropout(0.3, key).Bytes())
					return nil
				}))
			}
			require.Equal(t, masks[0], masks[1], "key %d, %s", key, dtype)
		}
	}
}

// What would stop a GPU's whole process is refused before it gets there.
func TestIndicesOutsideOfATableAreRefusedInEachForm(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(e *Engine)
		says string
	}{
		"position": {func(e *Engine) {
			e.Zeros(Float32, 1, 1, 4).Rope(e.Zeros(Float32, 2, 2), e.Zeros(Float32, 2, 2), e.FromInt64([]int64{2}))
		}, "position 2 lies beyond the table of 2"},
		"row of the cache": {func(e *Engine) {
			x, cache := e.Zeros(Float32, 1, 1, 2), e.Zeros(Float32, 3, 1, 2)
			CacheAttention(x, x, x, cache, cache, Sight{Row: []int64{3}, Begin: []int64{0}, Length: []int64{1}, Rows: []int32{0}}, 0, 1)
		}, "row 3 lies outside the cache"},
		"row that is seen": {func(e *Engine) {
			x, cache := e.Zeros(Float32, 1, 1, 2), e.Zeros(Float32, 3, 1, 2)
			CacheAttention(x, x, x, cache, cache, Sight{Row: []int64{2}, Begin: []int64{0}, Length: []int64{1}, Rows: []int32{-1}}, 0, 1)
		}, "row -1 lies outside the cache"},
		"part of the list": {func(e *Engine) {
			x, cache := e.Zeros(Float32, 1, 1, 2), e.Zeros(Float32, 3, 1, 2)
			CacheAttention(x, x, x, cache, cache, Sight{Row: []int64{2}, Begin: []int64{1}, Length: []int64{2}, Rows: []int32{0, 2}}, 0, 1)
		}, "token 1 sees entries 1 to 3 of a list of 2"},
		"target": {func(e *Engine) {
			LinearCrossEntropy(e.Zeros(Float32, 1, 2), e.Zeros(Float32, 5, 2), e.FromInt64([]int64{5}), nil, 0, 1)
		}, "one of the targets lies outside the vocabulary of 5"},
		"parent": {func(e *Engine) {
			x := e.Zeros(Float32, 2, 1, 8)
			Attention(x, x, x, Segments{Offsets: []int64{0, 1, 2}, Parents: []int64{1, -1}}, 0, 1, 0, 0)
		}, "segment 1 goes on from 2"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, portable := range []bool{false, true} {
				e := started(t, portable)
				err := e.Do(func() error { c.do(e); return nil })
				require.ErrorContains(t, err, c.says, "portable %v", portable)
				require.Equal(t, fault.Invalid, fault.KindOf(err))
			}
		})
	}
}
