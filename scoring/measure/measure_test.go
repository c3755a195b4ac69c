package measure_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/measure"
)

// Wilson's interval by hand for 8 of 10: centre (0.8 + 1.9208/10) / (1 + 3.8415/10) = 0.71674, half
// 1.95996 / 1.38415 * sqrt(0.016 + 0.0096036) = 0.22657.
func TestShareHasWilsonsInterval(t *testing.T) {
	share := measure.Share(8, 10)
	require.InDelta(t, 0.8, share.Value, 1e-12)
	require.InDelta(t, 0.49017, share.Low, 1e-4)
	require.InDelta(t, 0.94331, share.High, 1e-4)
	require.Equal(t, "0.800 (0.490 to 0.943, n = 10)", share.String())

	none := measure.Share(0, 300)
	require.InDelta(t, 0, none.Low, 1e-12)
	require.InDelta(t, 0.0126, none.High, 1e-4) // z² / (n + z²)
	require.True(t, math.IsNaN(measure.Share(0, 0).Value))
}

// 1, 0, 1, 1: mean 0.75, sample deviation 0.5, standard error 0.25.
func TestMeanHasTheStandardErrorOfTheSample(t *testing.T) {
	mean, standardError := measure.Mean([]float64{1, 0, 1, 1})
	require.InDelta(t, 0.75, mean.Value, 1e-12)
	require.InDelta(t, 0.25, standardError, 1e-12)
}

// Of the 6 pairs of {3, 2, 2} and {2, 1}, four are won and two are tied.
func TestAUCCountsPairsAndHalvesTies(t *testing.T) {
	require.InDelta(t, 5.0/6, measure.AUC([]float64{3, 2, 2}, []float64{2, 1}), 1e-12)
	require.InDelta(t, 0.5, measure.AUC([]float64{1, 1, 1}, []float64{1, 1}), 1e-12)
	require.True(t, math.IsNaN(measure.AUC(nil, []float64{1})))
}

// a: TP 1, FN 1, FP 1: F1 = 2/4. b: TP 1, FP 1, FN 0: F1 = 2/3. c: TP 0, FN 1: 0.
func TestMacroF1IsTheMeanOverLabels(t *testing.T) {
	truth, guess := []string{"a", "a", "b", "c"}, []string{"a", "b", "b", "a"}
	require.InDelta(t, (0.5+2.0/3+0)/3, measure.MacroF1(truth, guess), 1e-12)
	require.Equal(t, measure.Counts{TruePositives: 1, FalsePositives: 1, FalseNegatives: 1, TrueNegatives: 1}, measure.Label(truth, guess, "a"))
}

func TestPrecisionAndRecallComeFromTheCells(t *testing.T) {
	c := measure.Counts{TruePositives: 6, FalsePositives: 2, FalseNegatives: 4}.Add(measure.Counts{TruePositives: 2, FalseNegatives: 1})
	require.InDelta(t, 0.8, c.Precision().Value, 1e-12)
	require.InDelta(t, 8.0/13, c.Recall().Value, 1e-12)
}

// The mean of n values with deviation s has a standard error of s / sqrt(n): for 200 zeros and ones in halves 0.0354,
// so that the interval is about 0.43 to 0.57.
func TestBootstrapIntervalIsThatOfTheMeanAndDoesNotChange(t *testing.T) {
	share := func(units []int) float64 {
		sum := 0.0
		for _, unit := range units {
			sum += float64(unit % 2)
		}
		return sum / float64(len(units))
	}
	first := measure.Bootstrap(7, 200, share)
	require.InDelta(t, 0.5, first.Value, 1e-12)
	require.InDelta(t, 0.431, first.Low, 0.012)
	require.InDelta(t, 0.569, first.High, 0.012)
	require.Equal(t, first, measure.Bootstrap(7, 200, share))
	require.NotEqual(t, first, measure.Bootstrap(8, 200, share))

	nothing := measure.Bootstrap(1, 3, func([]int) float64 { return math.NaN() })
	require.True(t, math.IsNaN(nothing.Low))
}

func TestOrderIsAPermutation(t *testing.T) {
	order := measure.Order(3, 50)
	require.False(t, slices.IsSorted(order))
	slices.Sort(order)
	for i, place := range order {
		require.Equal(t, i, place)
	}
}
