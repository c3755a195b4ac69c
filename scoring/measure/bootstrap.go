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
		draws := NewStream(seed, uint64(resample))
		for i := range units {
			units[i] = draws.Below(uint64(i), n)
		}
		if sample := figure(units); !math.IsNaN(sample) {
			samples = append(samples, sample)
		}
	}
	if len(samples) == 0 {
		return Interval{value, math.NaN(), math.NaN(), n}
	}
	slices.Sort(samples)
	return Interval{value, Quantile(samples, 0.025), Quantile(samples, 0.975), n}
}

// Quantile of ascending values; it interpolates between neighbours, as numpy does by default.
func Quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	low := int(place)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (place-float64(low))*(sorted[low+1]-sorted[low])
}

// Stream is the draws of one resample: each depends on seed, resample and place alone, by two rounds of SplitMix64's output
// function.
type Stream uint64

const weyl = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio

// NewStream gives the draws of a resample.
func NewStream(seed, resample uint64) Stream { return Stream(mix(seed + (resample+1)*weyl)) }

// Below is the draw at a place, from 0 to n-1.
func (s Stream) Below(place uint64, n int) int {
	high, _ := bits.Mul64(mix(uint64(s)+(place+1)*weyl), uint64(n))
	return int(high)
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Order is a permutation of 0 to n-1 that depends on the seed alone.
func Order(seed uint64, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	draws := NewStream(seed, 0)
	for i := n - 1; i > 0; i-- {
		j := draws.Below(uint64(i), i+1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}
