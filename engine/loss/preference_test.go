//go:build torch

package loss

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireDerivatives compares the derivatives of a loss with differences of the loss itself.
func requireDerivatives(t *testing.T, loss func(chosen, rejected float64) Judged) {
	t.Helper()
	const h = 1e-5
	for _, chosen := range []float64{-3, -0.4, 0, 1.5} {
		for _, rejected := range []float64{-2, 0.3, 2.5} {
			at := loss(chosen, rejected)
			require.InDelta(t, (loss(chosen+h, rejected).Loss-loss(chosen-h, rejected).Loss)/(2*h), at.Chosen, 1e-8)
			require.InDelta(t, (loss(chosen, rejected+h).Loss-loss(chosen, rejected-h).Loss)/(2*h), at.Rejected, 1e-8)
		}
	}
}

func TestPreferenceLossesHaveTheirDerivatives(t *testing.T) {
	for name, loss := range map[string]func(chosen, rejected float64) Judged{
		"pairwise":      func(c, r float64) Judged { return Pairwise(c, r, 0) },
		"with a margin": func(c, r float64) Judged { return Pairwise(c, r, 0.7) },
		"tied":          Tied,
		"centred":       func(c, r float64) Judged { return Pairwise(c, r, 0.2).Centred(c, r, 0.01) },
		"DPO":           func(c, r float64) Judged { return DPO{Beta: 0.3}.Pair(c, r, -0.5, 0.25) },
		"DPO, smoothed": func(c, r float64) Judged { return DPO{Beta: 0.3, LabelSmoothing: 0.1}.Pair(c, r, -0.5, 0.25) },
	} {
		t.Run(name, func(t *testing.T) { requireDerivatives(t, loss) })
	}
}

// By hand: sigmoid(log 3) = 3/4.
func TestPreferenceLossesAtKnownPoints(t *testing.T) {
	log3 := math.Log(3)
	require.Equal(t, Judged{Loss: math.Ln2, Chosen: -0.5, Rejected: 0.5}, Pairwise(2, 2, 0))
	require.InDelta(t, math.Log(4.0/3), Pairwise(log3, 0, 0).Loss, 1e-15)
	require.InDelta(t, math.Ln2, Pairwise(log3+1, 1, log3).Loss, 1e-15, "a margin that is just met")
	require.Equal(t, Judged{Loss: math.Ln2}, Tied(5, 5))
	require.InDelta(t, 0.25, Tied(log3, 0).Chosen, 1e-15)
	require.InDelta(t, 0.9*math.Log(4.0/3)+0.1*math.Log(4), DPO{Beta: 0.5, LabelSmoothing: 0.1}.Pair(-1, -3, -2, -4+2*log3).Loss, 1e-15)
	require.InDelta(t, 1000, Pairwise(-1000, 0, 0).Loss, 1e-9, "nothing overflows")
	require.Zero(t, Pairwise(1000, 0, 0).Loss)
}
