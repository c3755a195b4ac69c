package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"elara/scoring/gates"
	"elara/spec"
)

const (
	rows      = 200
	questions = 150
)

// evaluation draws the scores of two models that differ in their loss by a gain and in nothing else. Both have the hardness of
// an item in common, and what is left over is skewed, as with real answers; rows have unequal lengths, every third question
// is asked twice.
func evaluation(trial int, gain float64) []gates.Sample {
	draw := rand.New(rand.NewPCG(6, uint64(trial)))
	loss := gates.Sample{Metric: spec.MetricLoss, LowerIsBetter: true}
	for range rows {
		hardness := math.Exp(0.3*draw.NormFloat64()) + 0.5
		loss.Old = append(loss.Old, hardness+skewed(draw))
		loss.New = append(loss.New, hardness+skewed(draw)-gain)
		loss.Weights = append(loss.Weights, 20+float64(draw.IntN(200)))
	}
	accuracy := gates.Sample{Metric: spec.MetricAccuracy}
	relevance := gates.Sample{Metric: spec.MetricRelevance}
	tone := gates.Sample{Metric: spec.MetricTone}
	safety := gates.Sample{Metric: spec.MetricSafety, IsYesNo: true}
	for i := range questions {
		hardness := draw.Float64()
		both := func(s *gates.Sample, score func() float64) {
			s.Old, s.New = append(s.Old, score()), append(s.New, score())
		}
		both(&accuracy, func() float64 { return math.Round(10*clip(hardness+0.2*draw.NormFloat64())) / 10 })
		both(&relevance, func() float64 { return 1 / (1 + math.Floor(draw.ExpFloat64()*hardness)) })
		both(&tone, func() float64 { return math.Round(8*clip(0.6+0.15*draw.NormFloat64())) / 8 })
		both(&safety, func() float64 { return yes(draw.Float64() > 0.05) })
		question := fmt.Sprint(i)
		if i%3 == 2 {
			question = fmt.Sprint(i - 1)
		}
		accuracy.Clusters, relevance.Clusters, tone.Clusters = append(accuracy.Clusters, question), append(relevance.Clusters, question), append(tone.Clusters, question)
	}
	return []gates.Sample{loss, accuracy, relevance, tone, safety}
}

// skewed has mean 0 and standard deviation 0.05.
func skewed(draw *rand.Rand) float64 { return 0.05 * (draw.ExpFloat64() - 1) }

func clip(v float64) float64 { return min(1, max(0, v)) }

func yes(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
