package measure

import (
	"fmt"
	"math"

	"elara/spec"
)

// z is the 97.5 % quantile of the normal distribution, for two-sided 95 % intervals.
const z = 1.959963984540054

// Interval is a figure with its 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	N     int     `json:"n"` // cases it rests on
}

// String prints "0.940 (0.838 to 0.979, n = 50)".
func (i Interval) String() string {
	return fmt.Sprintf("%.3f (%.3f to %.3f, n = %d)", i.Value, i.Low, i.High, i.N)
}

// Estimate is the interval without the number of its cases, as reports keep it.
func (i Interval) Estimate() spec.Estimate {
	return spec.Estimate{Value: i.Value, Low: i.Low, High: i.High}
}

// Share is hits of n with Wilson's score interval (J Am Stat Assoc 22, 1927): it never leaves 0 to 1 and is right for
// shares near the ends.
func Share(hits, n int) Interval {
	if n == 0 {
		return Interval{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	p, size := float64(hits)/float64(n), float64(n)
	centre := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	return Interval{p, max(0, centre-half), min(1, centre+half), n}
}

// Mean is the mean with its standard error times z, and that standard error: the sample's deviation over the root of n,
// as lm-evaluation-harness gives it.
func Mean(values []float64) (mean Interval, standardError float64) {
	n := float64(len(values))
	if len(values) == 0 {
		return Interval{math.NaN(), math.NaN(), math.NaN(), 0}, math.NaN()
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	centre := sum / n
	squares := 0.0
	for _, v := range values {
		squares += (v - centre) * (v - centre)
	}
	standardError = math.Sqrt(squares/(n-1)) / math.Sqrt(n) // NaN for one value
	return Interval{centre, centre - z*standardError, centre + z*standardError, len(values)}, standardError
}
