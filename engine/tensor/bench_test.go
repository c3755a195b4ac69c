//go:build torch

package tensor

import (
	"fmt"
	"testing"

	"github.com/sugarme/gotch/ts"
)

// BenchmarkSmallOp is the price of one operation on a tensor of four elements, its scope included.
func BenchmarkSmallOp(b *testing.B) {
	on(b, func(e *Engine) {
		x := e.FromFloat32([]float32{1, 2, 3, 4}, 4).Pin()
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += 100 {
			e.Scope(func() {
				for range 100 {
					x.Add(x)
				}
			})
		}
	})
}

// BenchmarkSmallOpGotch is the same operation through gotch's own high-level package.
func BenchmarkSmallOpGotch(b *testing.B) {
	x, err := ts.OfSlice([]float32{1, 2, 3, 4})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		y, err := x.Add(x, false)
		if err != nil {
			b.Fatal(err)
		}
		if err := y.Drop(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLinear is a product of SmolLM2's layers and head in float32, as Linear makes it and as PyTorch does by itself.
func BenchmarkLinear(b *testing.B) {
	for _, shape := range []struct{ tokens, in, out int64 }{{1024, 576, 192}, {1024, 576, 576}, {1024, 576, 1536}, {1024, 1536, 576}, {256, 576, 49152}} {
		for _, by := range []struct {
			name    string
			product func(x, w *Tensor) *Tensor
		}{
			{"Linear", func(x, w *Tensor) *Tensor { return Linear(x, w, nil) }},
			{"MatMul", func(x, w *Tensor) *Tensor { return x.MatMul(w.T()) }},
		} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", shape.tokens, shape.in, shape.out, by.name), func(b *testing.B) {
				on(b, func(e *Engine) {
					x := e.Zeros(Float32, shape.tokens, shape.in).Uniform(-1, 1, 1).Pin()
					w := e.Zeros(Float32, shape.out, shape.in).Uniform(-1, 1, 2).Pin()
					e.Scope(func() { by.product(x, w) }) // the first one prepares the kernel
					b.ResetTimer()
					for range b.N {
						e.Scope(func() { by.product(x, w) })
					}
					work := 2 * float64(shape.tokens*shape.in*shape.out) * float64(b.N)
					b.ReportMetric(work/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			})
		}
	}
}
