//go:build torch

package tensor

import (
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
