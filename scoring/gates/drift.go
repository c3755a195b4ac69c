package gates

import (
	"math"

	"elara/spec"
)

// Apart is how much better the later of two figures is where both were measured on items of their own: the difference, with
// an interval whose ends come from those of the two figures (Zou and Donner, Stat Med 27, 2008; for shares Newcombe's method
// 10). looks is how many such differences are judged together: all their intervals hold at once with 95 % (Bonferroni).
func Apart(metric spec.Metric, first, now spec.Estimate, looks int) spec.Estimate {
	value := now.Value - first.Value
	widen := quantileOfNormal(1-oneSided/float64(looks)) / normal95 // as if the ends lay where a normal error puts them
	low := value - widen*math.Hypot(now.Value-now.Low, first.High-first.Value)
	high := value + widen*math.Hypot(now.High-now.Value, first.Value-first.Low)
	if metric == spec.MetricLoss { // lower is better
		return spec.Estimate{Value: -value, Low: -high, High: -low}
	}
	return spec.Estimate{Value: value, Low: low, High: high}
}
