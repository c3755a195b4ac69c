//go:build torch

package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
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
