package measure

import (
	"math"
	"math/bits"
	"slices"
)

// Resamples is how many bootstrap samples an interval is made of.
const Resamples = 2000

// Bootstrap gives a figure over n units with its percentile interval (Efron 1979). figure is called with the units of
// one sample, drawn with replacement; units that belong together, such as the answers to one question, are one unit.
// Samples without a figure (NaN) are left out.
func Bootstrap(seed uint64, n int, figure func(units []int) float64) Interval {
	units := make([]int, n)
	for i := range units {
		units[i] = i
	}
	value := figure(units)
	var samples []float64
	for resample := range Resamples {
		for i := range units {
			units[i] = below(draw(seed, uint64(resample), uint64(i)), n)
		}
		if sample := figure(units); !math.IsNaN(sample) {
			samples = append(samples, sample)
		}
	}
	if len(samples) == 0 {
		return Interval{value, math.NaN(), math.NaN(), n}
	}
	slices.Sort(samples)
	return Interval{value, quantile(samples, 0.025), quantile(samples, 0.975), n}
}

// quantile interpolates between neighbours, as numpy does by default.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	low := int(place)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (place-float64(low))*(sorted[low+1]-sorted[low])
}

// draw is a number that depends on seed, sample and place alone: two rounds of SplitMix64's output function.
func draw(seed, sample, place uint64) uint64 {
	const step = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	return mix(mix(seed+(sample+1)*step) + (place+1)*step)
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func below(number uint64, n int) int {
	high, _ := bits.Mul64(number, uint64(n))
	return int(high)
}

// Order is a permutation of 0 to n-1 that depends on the seed alone.
func Order(seed uint64, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := below(draw(seed, 0, uint64(i)), i+1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}
