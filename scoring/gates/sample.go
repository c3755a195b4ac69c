package gates

import (
	"math"

	"elara/scoring/measure"
	"elara/spec"
	"elara/spec/fault"
)

// Sample is one metric of both models, item by item.
type Sample struct {
	Metric        spec.Metric
	Old, New      []float64
	LowerIsBetter bool
	IsYesNo       bool      // every score is 0 or 1
	Weights       []float64 // of the items, such as tokens; nil: all alike
	Clusters      []string  // the case or question that an item belongs to; nil: each its own
}

// Compare gives both figures and their difference. Scores of 0 and 1 that stand alone are compared by the exact McNemar test
// with Tango's interval, all others by a paired bootstrap over clusters.
func Compare(s Sample) (spec.Comparison, error) {
	if err := s.check(); err != nil {
		return spec.Comparison{}, err
	}
	c := spec.Comparison{Metric: s.Metric, Items: len(s.New), PWorse: 1, HolmWorse: 1}
	if c.Items == 0 {
		return c, nil
	}
	gains := make([]float64, len(s.New))
	for i := range gains {
		if gains[i] = s.New[i] - s.Old[i]; s.LowerIsBetter {
			gains[i] = -gains[i]
		}
	}
	gain := s.units(gains)
	c.Clusters = len(gain)
	if s.IsYesNo {
		c.Old, c.New = share(s.Old), share(s.New)
		if c.New.Value == 1 {
			c.AtMost = RuleOfThree(c.Items)
		}
	} else {
		c.Old, c.New = mean(s.units(s.Old)), mean(s.units(s.New))
	}
	if s.IsYesNo && c.Clusters == c.Items {
		return mcNemar(c, gains), nil
	}
	return bootstrap(c, gain), nil
}

func (s Sample) check() error {
	n := len(s.New)
	if len(s.Old) != n || s.Weights != nil && len(s.Weights) != n || s.Clusters != nil && len(s.Clusters) != n {
		return fault.New(fault.Invalid, "%s: %d new and %d old scores, %d weights, %d clusters; expected the same items",
			s.Metric, n, len(s.Old), len(s.Weights), len(s.Clusters))
	}
	for i := range s.New {
		for _, score := range []float64{s.New[i], s.Old[i]} {
			if math.IsNaN(score) || math.IsInf(score, 0) || s.IsYesNo && score != 0 && score != 1 {
				return fault.New(fault.Invalid, "%s: item %d has the score %v; expected a finite number, and 0 or 1 for yes or no", s.Metric, i+1, score)
			}
		}
		if s.Weights != nil && !(s.Weights[i] > 0) {
			return fault.New(fault.Invalid, "%s: item %d weighs %v; expected more than 0", s.Metric, i+1, s.Weights[i])
		}
	}
	return nil
}

// unit is a cluster: the weighted sum of its scores, and its weight.
type unit struct{ sum, weight float64 }

// units sums the scores of each cluster, in the order in which clusters first appear.
func (s Sample) units(scores []float64) []unit {
	var all []unit
	place := map[string]int{}
	for i, score := range scores {
		weight := 1.0
		if s.Weights != nil {
			weight = s.Weights[i]
		}
		at := len(all)
		if s.Clusters != nil {
			if known, found := place[s.Clusters[i]]; found {
				at = known
			} else {
				place[s.Clusters[i]] = at
			}
		}
		if at == len(all) {
			all = append(all, unit{})
		}
		all[at].sum += weight * score
		all[at].weight += weight
	}
	return all
}

// ratio is the weighted mean of all clusters.
func ratio(units []unit) float64 {
	var sum, weight float64
	for _, u := range units {
		sum, weight = sum+u.sum, weight+u.weight
	}
	return sum / weight
}

// mean is a weighted mean with the interval of its clustered standard error (Miller, arXiv 2411.00640, section 2.2).
func mean(units []unit) spec.Estimate {
	value := ratio(units)
	var squares, weight float64
	for _, u := range units {
		off := u.sum - value*u.weight
		squares, weight = squares+off*off, weight+u.weight
	}
	half := normal95 * math.Sqrt(squares) / weight
	return spec.Estimate{Value: value, Low: value - half, High: value + half}
}

// share is a share of ones with Wilson's interval.
func share(scores []float64) spec.Estimate {
	hits := 0
	for _, score := range scores {
		hits += int(score)
	}
	return measure.Share(hits, len(scores)).Estimate()
}
