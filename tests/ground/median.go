package ground

import "slices"

// Median is the middle of values, or between the two in the middle; there must be some.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
