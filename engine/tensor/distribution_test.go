//go:build torch

package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
)

// The cross-entropy of the same rows, whose numbers come from Python, is the log-probability with the other sign, and its
// gradient the slope; the entropy is summed up here in float64.
func TestLinearLogProbsAreTheCrossEntropysRows(t *testing.T) {
	on(t, func(e *Engine) {
		const rows, width, vocabulary = 7, 5, 11
		h := e.Zeros(Float32, rows, width).Normal(0, 1, 1).RequireGrad()
		w := e.Zeros(Float32, vocabulary, width).Normal(0, 1, 2)
		targets := e.FromInt64([]int64{3, 0, 10, 3, 7, 7, 1})
		logProbs, entropy, slope := LinearLogProbs(h, w, targets, 3, true)
		sum, nll := LinearCrossEntropy(h, w, targets, nil, 0, 256)
		sum.Backward()
		got, want := logProbs.Float32s(), nll.Float32s()
		for i := range want {
			require.InDelta(t, -want[i], got[i], 1e-6)
		}
		gradient := h.Grad().Float32s()
		for i, s := range slope.Float32s() {
			require.InDelta(t, -gradient[i], s, 1e-6)
		}
		logits := h.MatMul(w.T()).Float32s()
		for i, got := range entropy.Float32s() {
			var total, sum float64
			for _, l := range logits[i*vocabulary : (i+1)*vocabulary] {
				total += math.Exp(float64(l))
			}
			for _, l := range logits[i*vocabulary : (i+1)*vocabulary] {
				p := math.Exp(float64(l)) / total
				sum -= p * math.Log(p)
			}
			require.InDelta(t, sum, got, 1e-5)
		}
		_, _, none := LinearLogProbs(h, w, targets, 3, false)
		require.Nil(t, none)
	})
}

// More than a block of words and of rows, and logits far apart.
func TestPortableLogProbsAreThoseOfTheFusedKernel(t *testing.T) {
	if testdevice.Name() != CPU {
		t.Skip("the fused kernels are those of the CPU")
	}
	const rows, width, vocabulary = 9, 6, 2500
	for dtype, bound := range map[DType]float64{Float32: 2e-6, BFloat16: 3e-2} {
		var all [2][][]float32
		for form, portable := range []bool{false, true} {
			e := started(t, portable)
			require.NoError(t, e.Do(func() error {
				h := e.FromFloat32(draw(rows*width, 1), rows, width).Scale(8).To(dtype)
				w := e.FromFloat32(draw(vocabulary*width, 2), vocabulary, width).Scale(4).To(dtype)
				logProbs, entropy, slope := LinearLogProbs(h, w, e.FromInt64([]int64{0, 7, 1023, 1024, 2047, 2048, 2499, 3, 3}), 4, true)
				all[form] = [][]float32{logProbs.Float32s(), entropy.Float32s(), slope.Float32s()}
				return nil
			}))
		}
		for i, want := range all[1] {
			scale := 1.0
			for _, v := range want {
				scale = max(scale, math.Abs(float64(v)))
			}
			require.InDeltaSlice(t, want, all[0][i], bound*scale, "%s: of log-probabilities, entropies and slopes, %d", dtype, i)
		}
	}
}
