package memory

import (
	"math"

	"elara/spec"
)

// Rank is the place of the first candidate by log-likelihood, from 1: how many are at least as probable, itself included.
func Rank(logProbs []float64) int {
	rank := 0
	for _, l := range logProbs {
		if l >= logProbs[0] {
			rank++
		}
	}
	return rank
}

// Exposure is log2 of the candidates less log2 of the rank, in bits (Carlini et al. 2019, definition 6): 0 for a secret that is
// the last, 1.44 on average for one that the model never met, log2 of the candidates for one that it prefers to all others.
func Exposure(rank, candidates int) float64 {
	return math.Log2(float64(candidates)) - math.Log2(float64(rank))
}

// IsFound reports whether a rank is no accident among several canaries: an untrained canary has each rank equally often, so
// that none of them is found with a probability of at least 99 % (Bonferroni).
func IsFound(rank, candidates, canaries int) bool {
	return rank*canaries*spec.CandidatesPerCanary <= candidates
}
