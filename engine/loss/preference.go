//go:build torch

package loss

import "math"

// Judged is the loss of one pair in nats and its derivatives by what it was made of: two scores, or the log-probabilities of
// two answers.
type Judged struct {
	Loss             float64
	Chosen, Rejected float64 // d Loss / d chosen, d Loss / d rejected
}

// Pairwise is the loss of a reward model (Ouyang et al., arXiv 2203.02155, equation 1): -log sigmoid(chosen - rejected - margin).
// The margin says by how much the chosen answer is to be better (Touvron et al., arXiv 2307.09288, equation 2).
func Pairwise(chosen, rejected, margin float64) Judged { return logistic(chosen-rejected-margin, 1, 1) }

// Tied is the loss of a pair that was judged equal: the cross-entropy of sigmoid(a - b) with the label 1/2. It is least, log 2,
// where the scores are equal.
func Tied(a, b float64) Judged { return logistic(a-b, 1, 0.5) }

// Centred adds coefficient * (chosen + rejected)² to the loss of a pair, which keeps the mean of the scores near zero (Eisenstein et
// al., arXiv 2312.09244, equation 2).
func (j Judged) Centred(chosen, rejected, coefficient float64) Judged {
	sum := chosen + rejected
	j.Loss += coefficient * sum * sum
	j.Chosen += 2 * coefficient * sum
	j.Rejected += 2 * coefficient * sum
	return j
}

// DPO is direct preference optimisation (Rafailov et al., arXiv 2305.18290, equation 7), in TRL's sigmoid form.
type DPO struct {
	Beta           float64 // strength of the pull towards the reference
	LabelSmoothing float64 // probability that a judgement is the wrong way round, in [0, 1/2): conservative DPO
}

// Pair is the loss of a pair by the log-probabilities of its answers, in nats and summed over their tokens, under the policy and
// under the reference:
//
//	x = beta * ((chosen - refChosen) - (rejected - refRejected))
//	loss = -(1 - smoothing) * log sigmoid(x) - smoothing * log sigmoid(-x)
//
// The derivatives are by the policy's log-probabilities.
func (d DPO) Pair(chosen, rejected, refChosen, refRejected float64) Judged {
	return logistic(d.Beta*((chosen-refChosen)-(rejected-refRejected)), d.Beta, 1-d.LabelSmoothing)
}

// logistic is the cross-entropy of sigmoid(x) with a label, where x grows by slope for each unit of the chosen side and falls by
// as much for the rejected one's.
func logistic(x, slope, label float64) Judged {
	by := (Sigmoid(x) - label) * slope
	return Judged{Loss: label*softplus(-x) + (1-label)*softplus(x), Chosen: by, Rejected: -by}
}

// softplus is log(1 + e^x), without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// Sigmoid is 1 / (1 + e^-x): under a reward model, the probability that the answer whose score is greater by x is preferred
// (Bradley and Terry 1952).
func Sigmoid(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}
