//go:build torch

package tensor

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Products over many tokens go another way than those over few (product.cc), which MatMul has no part in.
func TestLinearLayersOfManyTokensAreWhatMatMulMakesOfThem(t *testing.T) {
	const rows, in, out, rank = 300, 40, 24, 8
	// leaf is a matrix that wants a gradient; a transposed one is that in memory only, as GPT-2 stores its weights.
	leaf := func(e *Engine, seed uint64, rows, columns int64, transposed bool) (own, seen *Tensor) {
		if transposed {
			own = e.FromFloat32(draw(int(rows*columns), seed), columns, rows).RequireGrad()
			return own, own.T()
		}
		own = e.FromFloat32(draw(int(rows*columns), seed), rows, columns).RequireGrad()
		return own, own
	}
	for name, form := range map[string]func(x, w, bias, a, b *Tensor) (got, want *Tensor){
		"linear": func(x, w, bias, _, _ *Tensor) (*Tensor, *Tensor) {
			return Linear(x, w, bias), x.MatMul(w.T()).Add(bias)
		},
		"without bias": func(x, w, _, _, _ *Tensor) (*Tensor, *Tensor) { return Linear(x, w, nil), x.MatMul(w.T()) },
		"one branch": func(x, w, bias, a, b *Tensor) (*Tensor, *Tensor) {
			w, bias = w.Detach(), bias.Detach()
			return LoRALinear(x, w, bias, []Branch{{A: a, B: b, Scale: 2, Dropout: 0.3, Key: 5, End: rows}}),
				x.MatMul(w.T()).Add(bias).Add(x.Dropout(0.3, 5).MatMul(a.T()).MatMul(b.T()).Scale(2))
		},
		"branch on a part": func(x, w, _, a, b *Tensor) (*Tensor, *Tensor) {
			w = w.Detach()
			low := x.Narrow(0, 20, 270).MatMul(a.T()).MatMul(b.T()).Scale(0.5)
			padded := Cat(0, x.Engine().Zeros(Float32, 20, out), low, x.Engine().Zeros(Float32, 10, out))
			return LoRALinear(x, w, nil, []Branch{{A: a, B: b, Scale: 0.5, Begin: 20, End: 290}}), x.MatMul(w.T()).Add(padded)
		},
	} {
		for _, transposed := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", w transposed ", transposed), func(t *testing.T) {
				e := started(t, false)
				require.NoError(t, e.Do(func() error {
					var grads [2][][]float32
					var values [2][]float32
					for i := range values {
						var leaves, seen []*Tensor
						for n, shape := range [][2]int64{{rows, in}, {out, in}, {1, out}, {rank, in}, {out, rank}} {
							own, as := leaf(e, uint64(n+60), shape[0], shape[1], transposed && n == 1)
							leaves, seen = append(leaves, own), append(seen, as)
						}
						got, want := form(seen[0], seen[1], seen[2].View(out), seen[3], seen[4])
						y := []*Tensor{got, want}[i]
						values[i] = y.Float32s()
						y.View(1, rows*out).MatMul(e.Zeros(Float32, rows*out, 1).Uniform(-1, 1, 99)).View(1).Backward()
						for _, l := range leaves {
							var grad []float32
							if g := l.Grad(); g != nil {
								grad = g.Float32s()
							}
							grads[i] = append(grads[i], grad)
						}
					}
					require.InDeltaSlice(t, values[1], values[0], 2e-5)
					for n := range grads[0] {
						require.Len(t, grads[0][n], len(grads[1][n]), "gradient of operand %d", n)
						if len(grads[0][n]) > 0 {
							require.InDeltaSlice(t, grads[1][n], grads[0][n], 1e-4, "gradient of operand %d", n)
						}
					}
					return nil
				}))
			})
		}
	}
}

// oneDNN is given the same operands to refuse as MKL.
func TestProductOfManyTokensRefusesShapesThatDoNotFit(t *testing.T) {
	e := started(t, false)
	for name, product := range map[string]func(){
		"linear(float32[300 3], float32[5 4])": func() { Linear(e.Zeros(Float32, 300, 3), e.Zeros(Float32, 5, 4), nil) },
		"lora_linear(": func() {
			LoRALinear(e.Zeros(Float32, 300, 3), e.Zeros(Float32, 5, 3), nil, []Branch{{A: e.Zeros(Float32, 2, 4), B: e.Zeros(Float32, 5, 2), End: 300}})
		},
	} {
		require.ErrorContains(t, e.Do(func() error { product(); return nil }), name)
	}
}
