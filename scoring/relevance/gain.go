package relevance

import (
	"math"

	"elara/spec/fault"
)

// Gain is how much likelier an answer is behind its own question than behind others, in nats per token: the
// log-likelihood given the question, less that averaged over the other questions (the average of probabilities, by
// log-sum-exp, so that the result estimates the pointwise mutual information of question and answer).
func Gain(given float64, others []float64, tokens int) (float64, error) {
	if tokens <= 0 || len(others) == 0 {
		return 0, fault.New(fault.Invalid, "%d tokens and %d other questions; expected at least one of each", tokens, len(others))
	}
	largest := math.Inf(-1)
	for _, other := range others {
		largest = max(largest, other)
	}
	sum := 0.0
	for _, other := range others {
		sum += math.Exp(other - largest)
	}
	mean := largest + math.Log(sum/float64(len(others)))
	if gain := (given - mean) / float64(tokens); !math.IsNaN(gain) && !math.IsInf(gain, 0) {
		return gain, nil
	}
	return 0, fault.New(fault.Invalid, "log-likelihoods %g and %v; expected finite numbers", given, others)
}
