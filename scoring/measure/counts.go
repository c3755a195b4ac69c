package measure

import (
	"cmp"
	"math"
	"slices"
)

// Counts are the cells of a yes-or-no judgement.
type Counts struct{ TruePositives, FalsePositives, FalseNegatives, TrueNegatives int }

// Precision is the share of what was flagged that deserved it.
func (c Counts) Precision() Interval {
	return Share(c.TruePositives, c.TruePositives+c.FalsePositives)
}

// Recall is the share of what deserved it that was flagged.
func (c Counts) Recall() Interval { return Share(c.TruePositives, c.TruePositives+c.FalseNegatives) }

// Add sums two sets of cells.
func (c Counts) Add(other Counts) Counts {
	return Counts{
		c.TruePositives + other.TruePositives, c.FalsePositives + other.FalsePositives,
		c.FalseNegatives + other.FalseNegatives, c.TrueNegatives + other.TrueNegatives,
	}
}

// AUC is the probability that a positive case scores higher than a negative one, a tie counting half (Mann-Whitney).
func AUC(positive, negative []float64) float64 {
	if len(positive) == 0 || len(negative) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(negative))
	sum := 0.0
	for _, score := range positive {
		below, isTied := slices.BinarySearch(sorted, score)
		sum += float64(below)
		if isTied {
			above, _ := slices.BinarySearchFunc(sorted, score, func(element, target float64) int {
				if element <= target {
					return -1
				}
				return cmp.Compare(element, target)
			})
			sum += float64(above-below) / 2
		}
	}
	return sum / float64(len(positive)*len(negative))
}

// MacroF1 is the mean of the F1 of all labels that occur among the truths: 2TP / (2TP + FP + FN).
func MacroF1(truth, guess []string) float64 {
	labels := slices.Compact(slices.Sorted(slices.Values(truth)))
	if len(labels) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, label := range labels {
		c := Label(truth, guess, label)
		sum += 2 * float64(c.TruePositives) / float64(2*c.TruePositives+c.FalsePositives+c.FalseNegatives)
	}
	return sum / float64(len(labels))
}

// Label counts one label against all others.
func Label(truth, guess []string, label string) Counts {
	var c Counts
	for i := range truth {
		switch {
		case truth[i] == label && guess[i] == label:
			c.TruePositives++
		case truth[i] == label:
			c.FalseNegatives++
		case guess[i] == label:
			c.FalsePositives++
		default:
			c.TrueNegatives++
		}
	}
	return c
}
