package gates

import (
	"math"

	"elara/spec"
)

// mcNemar compares scores of 0 and 1 by the items on which the models differ (McNemar 1947; the exact, binomial form).
func mcNemar(c spec.Comparison, gains []float64) spec.Comparison {
	c.Test = spec.TestMcNemar
	better, worse := 0, 0
	for _, gain := range gains {
		switch {
		case gain > 0:
			better++
		case gain < 0:
			worse++
		}
	}
	n := float64(c.Items)
	c.PWorse = atLeast(worse, better+worse)
	c.Gain = tango(better, worse, c.Items)
	if better+worse == 0 {
		c.Detectable = RuleOfThree(c.Items)
		return c
	}
	off := float64(better - worse)
	c.Detectable = (normal95 + normal80) * math.Sqrt(float64(better+worse)-off*off/n) / n
	return c
}

// atLeast is the probability of k or more heads in n throws of a fair coin.
func atLeast(k, n int) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	sum := 0.0
	for i := k; i <= n; i++ {
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(all - a - b - float64(n)*math.Ln2)
	}
	return min(1, sum)
}

// tango is the score interval of a difference of paired shares (Tango, Stat Med 17, 1998, equations 7 to 10). It has a width
// where no item differs, too.
func tango(better, worse, items int) spec.Estimate {
	b, c, n := float64(better), float64(worse), float64(items)
	score := func(difference float64) float64 {
		// The constrained maximum likelihood estimate of the share of items that only the old model gets right.
		p := -b - c + (2*n-b+c)*difference
		q := -c * difference * (1 - difference)
		share := (math.Sqrt(max(0, p*p-8*n*q)) - p) / (4 * n)
		variance := n * (2*share + difference*(1-difference))
		if variance <= 0 {
			return math.Copysign(math.Inf(1), b-c-n*difference)
		}
		return (b - c - n*difference) / math.Sqrt(variance)
	}
	value := (b - c) / n
	return spec.Estimate{
		Value: value,
		Low:   bisect(-1, value, func(d float64) bool { return score(d) > normal95 }),
		High:  bisect(value, 1, func(d float64) bool { return score(d) > -normal95 }),
	}
}

// bisect finds where isBelow turns from true to false.
func bisect(low, high float64, isBelow func(float64) bool) float64 {
	for range 100 {
		if middle := (low + high) / 2; isBelow(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// RuleOfThree is the highest rate of failures that fits none in n items with 95 % confidence: 1 - 0.05^(1/n), about 3/n (Hanley
// and Lippman-Hand, JAMA 1983).
func RuleOfThree(n int) float64 { return 1 - math.Pow(0.05, 1/float64(n)) }
