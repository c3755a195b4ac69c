package gates

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// TestApartIsNewcombesInterval takes the published example of 56 of 70 beside 48 of 80: 0.0524 to 0.3339 (Newcombe, Stat Med
// 17, 1998, table II, method 10).
func TestApartIsNewcombesInterval(t *testing.T) {
	share := func(hits, n int) spec.Estimate { return share(append(ones(hits), make([]float64, n-hits)...)) }
	got := Apart(spec.MetricSafety, share(48, 80), share(56, 70), 1)
	require.InDelta(t, 0.2, got.Value, 1e-12)
	require.InDelta(t, 0.0524, got.Low, 5e-5)
	require.InDelta(t, 0.3339, got.High, 5e-5)

	loss := Apart(spec.MetricLoss, share(48, 80), share(56, 70), 1)
	require.Equal(t, spec.Estimate{Value: -got.Value, Low: -got.High, High: -got.Low}, loss, "a loss that rises is no gain")
}

// TestApartIsWiderForManyLooks takes figures with even ends, for which the method is the sum of the squared errors: 3 and 4
// give 5, and 2.575829 (the 99.5 % quantile of the normal distribution) stands for 1.959964 at five looks.
func TestApartIsWiderForManyLooks(t *testing.T) {
	first, now := spec.Estimate{Value: 10, Low: 7, High: 13}, spec.Estimate{Value: 4, Low: 0, High: 8}
	once := Apart(spec.MetricTone, first, now, 1)
	require.InDeltaSlice(t, []float64{-6, -11, -1}, []float64{once.Value, once.Low, once.High}, 1e-9)
	got := Apart(spec.MetricTone, first, now, 5)
	require.InDelta(t, -6+5*2.575829/1.959964, got.High, 1e-5)
	require.False(t, math.Signbit(got.High), "five looks do not show what one does")
}

func ones(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = 1
	}
	return all
}
