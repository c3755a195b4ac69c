package ppo

import "math"

// Token is what one token, or one step, adds to a loss before the mean is taken.
type Token struct {
	Loss    float64
	Slope   float64 // its derivative by the new log-probability, or by the new value
	Clipped bool    // the clipped form is the greater one, and nothing is learnt here
}

// Policy is the clipped surrogate at one token (Schulman et al., arXiv 1707.06347, equation 7): with r = e^(now - old) it is
// max(-A r, -A clip(r, 1-c, 1+c)).
func Policy(now, old, advantage, cliprange float64) Token {
	ratio := math.Exp(now - old)
	free := -advantage * ratio
	clipped := -advantage * min(max(ratio, 1-cliprange), 1+cliprange)
	if clipped > free {
		return Token{Loss: clipped, Clipped: true}
	}
	return Token{Loss: free, Slope: free}
}

// Value is the clipped loss of the value function at one step: with v clipped to old ± c it is
// max((v - returns)², (clip(v) - returns)²) / 2.
func Value(now, old, returns, cliprange float64) Token {
	kept := min(max(now, old-cliprange), old+cliprange)
	free, clipped := (now-returns)*(now-returns), (kept-returns)*(kept-returns)
	if clipped > free {
		return Token{Loss: clipped / 2, Clipped: true}
	}
	return Token{Loss: free / 2, Slope: now - returns}
}

// Update adds up what a mini-batch is judged by, token by token, in whatever pieces it comes.
type Update struct {
	Tokens, Steps               float64
	PolicyLoss, ValueLoss       float64 // sums, as all below
	PolicyClipped, ValueClipped float64
	SquaredLogRatio, Entropy    float64
	Ratio                       float64
}

// Policy adds a token. entropy is that of the whole distribution it was drawn from, in nats.
func (u *Update) Policy(t Token, now, old, entropy float64) {
	u.Tokens++
	u.PolicyLoss += t.Loss
	u.SquaredLogRatio += (now - old) * (now - old)
	u.Entropy += entropy
	u.Ratio += math.Exp(now - old)
	if t.Clipped {
		u.PolicyClipped++
	}
}

// Value adds a step.
func (u *Update) Value(t Token) {
	u.Steps++
	u.ValueLoss += t.Loss
	if t.Clipped {
		u.ValueClipped++
	}
}

// ApproxKL is half the mean squared log-ratio: how far the policy has moved in this iteration.
func (u *Update) ApproxKL() float64 { return 0.5 * u.SquaredLogRatio / u.Tokens }

// Loss is what the mini-batch lowers: the mean policy loss, and vfCoef times the mean value loss.
func (u *Update) Loss(vfCoef float64) float64 {
	return u.PolicyLoss/u.Tokens + vfCoef*u.ValueLoss/u.Steps
}
