package preference

import "elara/spec"

// Counts is how often each value was given to one unit. Units are the pairs, values are numbered from 0.
type Counts []int

// Distance is the difference of two values, squared; totals are how often each value was given among all that can be
// compared.
type Distance func(c, k int, totals []float64) float64

// Nominal is the distance of values that are equal or not.
func Nominal(c, k int, _ []float64) float64 {
	if c == k {
		return 0
	}
	return 1
}

// Ordinal is the distance of values in their order: as far apart as there are values between them.
func Ordinal(c, k int, totals []float64) float64 {
	if c > k {
		c, k = k, c
	}
	between := -(totals[c] + totals[k]) / 2
	for g := c; g <= k; g++ {
		between += totals[g]
	}
	return between * between
}

// Alpha is Krippendorff's alpha for any number of observers with missing values (K. Krippendorff, Computing
// Krippendorff's Alpha-Reliability, 2011, section D): 1 - observed / expected disagreement, over the units with two values
// or more. It is not defined where nothing can be compared or all values are the same.
func Alpha(units []Counts, distance Distance) (alpha float64, defined bool) {
	var totals []float64
	for _, unit := range units {
		if sum(unit) < 2 {
			continue
		}
		for len(totals) < len(unit) {
			totals = append(totals, 0)
		}
		for value, times := range unit {
			totals[value] += float64(times)
		}
	}
	var n float64
	for _, total := range totals {
		n += total
	}
	var observed, expected float64
	for _, unit := range units {
		m := sum(unit)
		if m < 2 {
			continue
		}
		for c, times := range unit {
			for k, others := range unit {
				// Pairs of values within the unit, each unit weighed by its number of values.
				observed += float64(times*others) / float64(m-1) * distance(c, k, totals)
			}
		}
	}
	for c := range totals {
		for k := range totals {
			expected += totals[c] * totals[k] / (n - 1) * distance(c, k, totals)
		}
	}
	if n < 2 || expected == 0 {
		return 0, false
	}
	return 1 - observed/expected, true
}

func sum(unit Counts) int {
	total := 0
	for _, times := range unit {
		total += times
	}
	return total
}

// nominalValue numbers the outcomes for Nominal.
func nominalValue(outcome spec.Outcome) int {
	switch outcome {
	case spec.PrefersA:
		return 0
	case spec.Tie:
		return 1
	case spec.PrefersB:
		return 2
	}
	return 3
}

// ordered is how many of them, the first ones, have an order: response_a < tie < response_b.
const ordered = 3

// Agree says how far reviewers agree on pairs. Each element of reviewers is one reviewer's marks.
func Agree(pairs int, reviewers []Marks) spec.AgreementResult {
	var result spec.AgreementResult
	nominal, ordinal := make([]Counts, pairs), make([]Counts, pairs)
	for i := range pairs {
		nominal[i], ordinal[i] = make(Counts, 4), make(Counts, ordered)
		for _, marks := range reviewers {
			outcome, _, judged := marks.At(i)
			if !judged {
				continue
			}
			value := nominalValue(outcome)
			nominal[i][value]++
			if value < ordered {
				ordinal[i][value]++
			}
		}
		if values := sum(nominal[i]); values > 1 {
			result.Pairs++
			result.Values += values
		}
	}
	if alpha, defined := Alpha(nominal, Nominal); defined {
		result.Nominal = &alpha
	}
	if alpha, defined := Alpha(ordinal, Ordinal); defined {
		result.Ordinal = &alpha
	}
	return result
}
