package gates

import (
	"math"
	"slices"
	"sort"

	"elara/scoring/measure"
	"elara/spec"
)

const (
	resamples = 10_000
	seed      = 6

	normal95 = 1.959963984540054  // 97.5 % quantile of the normal distribution
	normal80 = 0.8416212335729143 // 80 % quantile
	oneSided = 0.025              // level of each end of a 95 % interval
)

// bootstrap compares by resampling whole clusters with replacement (Efron 1987, "Better bootstrap confidence intervals").
func bootstrap(c spec.Comparison, gains []unit) spec.Comparison {
	c.Test = spec.TestBootstrap
	n := len(gains)
	draws := make([]float64, resamples)
	for r := range draws {
		var sum, weight float64
		stream := measure.NewStream(seed, uint64(r))
		for i := range n {
			u := &gains[stream.Below(uint64(i), n)]
			sum, weight = sum+u.sum, weight+u.weight
		}
		draws[r] = sum / weight
	}
	slices.Sort(draws)
	c.Gain, c.PWorse = accelerated(ratio(gains), draws, leftOut(gains))
	c.Detectable = (normal95 + normal80) * deviation(draws)
	return c
}

// leftOut is the figure without each cluster in turn.
func leftOut(units []unit) []float64 {
	var sum, weight float64
	for _, u := range units {
		sum, weight = sum+u.sum, weight+u.weight
	}
	all := make([]float64, len(units))
	for i, u := range units {
		all[i] = (sum - u.sum) / (weight - u.weight)
	}
	return all
}

// accelerated is the BCa interval of a value from its sorted resamples and its jackknife, and the one-sided p-value of "it is
// 0 or more": the level at which that interval's upper end reaches 0. Resamples without any spread give an interval without
// width.
func accelerated(value float64, sorted, jackknife []float64) (spec.Estimate, float64) {
	if sorted[0] == sorted[len(sorted)-1] || len(jackknife) < 2 {
		p := 1.0
		if value < 0 && len(jackknife) > 1 {
			p = 1 / float64(len(sorted)+1)
		}
		return spec.Estimate{Value: value, Low: sorted[0], High: sorted[len(sorted)-1]}, p
	}
	bias := quantileOfNormal(shareBelow(sorted, value))
	acceleration := acceleration(jackknife)
	end := func(z float64) float64 {
		shifted := bias + (bias+z)/(1-acceleration*(bias+z))
		return measure.Quantile(sorted, normal(shifted))
	}
	// The inverse of end: the level whose end is 0.
	w := quantileOfNormal(shareBelow(sorted, 0)) - bias
	above := normal(w/(1+acceleration*w) - bias) // p-value of "it is 0 or less"
	least := 1 / float64(len(sorted)+1)
	return spec.Estimate{Value: value, Low: end(-normal95), High: end(normal95)}, min(1, max(least, 1-above))
}

// shareBelow is the share of values below one, those equal to it counting half; never quite 0 or 1.
func shareBelow(sorted []float64, value float64) float64 {
	below := sort.SearchFloat64s(sorted, value)
	upTo := sort.Search(len(sorted), func(i int) bool { return sorted[i] > value })
	least := 0.5 / float64(len(sorted)+1)
	return min(1-least, max(least, float64(below+upTo)/2/float64(len(sorted))))
}

// acceleration is the skewness of the jackknife over 6.
func acceleration(jackknife []float64) float64 {
	centre := 0.0
	for _, v := range jackknife {
		centre += v / float64(len(jackknife))
	}
	var squares, cubes float64
	for _, v := range jackknife {
		off := centre - v
		squares, cubes = squares+off*off, cubes+off*off*off
	}
	if squares == 0 {
		return 0
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

func deviation(values []float64) float64 {
	centre := 0.0
	for _, v := range values {
		centre += v / float64(len(values))
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - centre) * (v - centre)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

// normal is the cumulative distribution of the standard normal.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

func quantileOfNormal(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }
