package memory

import (
	"math"

	"elara/scoring/measure"
	"elara/spec"
)

// Membership tells training rows from held-out ones by their loss alone (Yeom et al., CSF 2018). A row is taken for a member when
// its loss is at most the mean loss of the training rows: the advantage is how much more often that is right than wrong, true less
// false positives. The AUC is over all thresholds, with a bootstrap over rows; the p-value is the share of its samples that are
// within the bound. Both lists need a row.
func Membership(trained, heldOut []float64, bound float64) spec.Membership {
	threshold := 0.0
	for _, loss := range trained {
		threshold += loss / float64(len(trained))
	}
	n := len(trained)
	both := append(negated(trained), negated(heldOut)...) // a low loss speaks for a member
	within, drawn := 0, -1                                // of the samples; the first figure is that of the rows themselves
	auc := measure.Bootstrap(bootstrapSeed, len(both), func(units []int) float64 {
		var members, others []float64
		for _, unit := range units {
			if unit < n {
				members = append(members, both[unit])
			} else {
				others = append(others, both[unit])
			}
		}
		sample := measure.AUC(members, others)
		if !math.IsNaN(sample) {
			if drawn++; drawn > 0 && sample <= bound {
				within++
			}
		}
		return sample
	})
	p := float64(within+1) / float64(drawn+1) // never 0, as no number of samples can show that
	return spec.Membership{
		TrainedRows: n, HeldOutRows: len(heldOut), Threshold: threshold,
		AUC: auc.Estimate(), PAbove: p, HolmAbove: p,
		Advantage: share(trained, threshold) - share(heldOut, threshold),
	}
}

// bootstrapSeed makes the interval the same everywhere.
const bootstrapSeed = 2018

func negated(losses []float64) []float64 {
	scores := make([]float64, len(losses))
	for i, loss := range losses {
		scores[i] = -loss
	}
	return scores
}

// share is the part of the losses that a threshold takes for members'.
func share(losses []float64, threshold float64) float64 {
	n := 0
	for _, loss := range losses {
		if loss <= threshold {
			n++
		}
	}
	return float64(n) / float64(len(losses))
}
