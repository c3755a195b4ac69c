package ppo

import (
	"math"

	"elara/spec/fault"
)

// Estimator is how the KL divergence from the reference is estimated at one sampled token (Schulman, "Approximating KL
// divergence", 2020), under the name that TRL's kl_estimator gives it.
type Estimator string

const (
	// K1 is log p - log ref: unbiased, and negative at times.
	K1 Estimator = "k1"
	// K3 is e^x - 1 - x with x = log ref - log p: unbiased, and never negative.
	K3 Estimator = "k3"
)

// Tokens estimates the divergence at each token, in nats. logProbs, ref: [tokens].
func (e Estimator) Tokens(logProbs, ref []float64) []float64 {
	kl := make([]float64, len(logProbs))
	for t := range kl {
		if x := ref[t] - logProbs[t]; e == K3 {
			kl[t] = math.Expm1(x) - x
		} else {
			kl[t] = -x
		}
	}
	return kl
}

// Rewards gives each step its reward: -coefficient * KL at each token, and the score once, at the last step. kl: [tokens]; steps
// is tokens, or one more where the answer ended before the window: then the score is given after its end.
func Rewards(kl []float64, coefficient, score float64, steps int) []float64 {
	rewards := make([]float64, steps)
	for t := range kl {
		rewards[t] = -coefficient * kl[t]
	}
	rewards[steps-1] += score
	return rewards
}

// Penalised subtracts TRL's missing_eos_penalty from the score of an answer that did not end by itself. The paper's code sets
// such a score to -1 instead; subtracting keeps the order of answers.
func Penalised(score, penalty float64, ended bool) float64 {
	if ended {
		return score
	}
	return score - penalty
}

// Clipped limits a score to [-limit, limit], TRL's score_clip; 0 does not.
func Clipped(score, limit float64) float64 {
	if limit == 0 {
		return score
	}
	return min(max(score, -limit), limit)
}

// Whiten divides the values of all rows by their standard deviation, in place, and with shift subtracts their mean first; without
// it the mean stays what it was. The variance has Bessel's correction, sum / (n-1), as TRL's masked_whiten; the paper's code
// divides by n. There must be two values at least.
func Whiten(rows [][]float64, shift bool) error {
	var n, sum float64
	for _, row := range rows {
		for _, x := range row {
			sum, n = sum+x, n+1
		}
	}
	if n < 2 {
		return fault.New(fault.Invalid, "whitening of %v values, expected at least two", n)
	}
	mean, squares := sum/n, 0.0
	for _, row := range rows {
		for _, x := range row {
			squares += (x - mean) * (x - mean)
		}
	}
	scale := 1 / math.Sqrt(squares/(n-1)+1e-8)
	for _, row := range rows {
		for t := range row {
			row[t] = (row[t] - mean) * scale
			if !shift {
				row[t] += mean
			}
		}
	}
	return nil
}
