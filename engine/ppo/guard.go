package ppo

import (
	"math"
	"slices"

	"elara/spec"
)

// Alarm is what the guard calls out, by name.
type Alarm string

const (
	AlarmKL       Alarm = "kl_over_bound"    // the policy has left its reference
	AlarmNegative Alarm = "kl_negative"      // the answers are not drawn from the policy that is trained
	AlarmReward   Alarm = "reward_collapse"  // scores have fallen below those the run began with
	AlarmEntropy  Alarm = "entropy_collapse" // the policy says one thing only
	AlarmLength   Alarm = "length_drift"     // answers have become much longer or shorter
	AlarmEOS      Alarm = "eos_rate"         // too few answers end by themselves
	AlarmNoEOS    Alarm = "no_eos"           // none does
	AlarmConstant Alarm = "reward_constant"  // all answers have one score: nothing can be learnt from it
	AlarmNaN      Alarm = "reward_nan"       // a score is no number
)

// Rollout is what the guard looks at: the answers of one iteration.
type Rollout struct {
	KL      float64 // mean over answers of the sum over tokens, in nats
	Scores  []float64
	Entropy float64 // mean over tokens of the whole distribution's, in nats
	Length  float64 // mean, in tokens
	EOSRate float64 // share of the answers that ended by themselves
	Ends    bool    // a token ends an answer
}

// Guard watches the rollouts of a run. Its fields are part of the state of the run.
type Guard struct {
	// Of the first rollout, which later ones are held against.
	Seen    bool    `json:"seen"`
	Mean    float64 `json:"reward_mean"`
	Std     float64 `json:"reward_std"`
	Entropy float64 `json:"entropy"`
	Length  float64 `json:"length"`

	InRow int64 `json:"in_row"` // rollouts beyond a bound, without one within all of them since
}

// Watch holds a rollout against the bounds. It names every alarm, and stop says that the run is to end: a score is no number, or
// so many rollouts in a row were beyond a bound. no_eos and reward_constant alone never stop a run, for what has learnt its reward
// by heart, or fills its window by design, shows the same.
func (g *Guard) Watch(r Rollout, bounds spec.PPOGuard) (alarms []Alarm, stop bool) {
	mean, std := meanAndStd(r.Scores)
	if math.IsNaN(mean) || math.IsInf(mean, 0) {
		return []Alarm{AlarmNaN}, true
	}
	if !g.Seen {
		*g = Guard{Seen: true, Mean: mean, Std: std, Entropy: r.Entropy, Length: r.Length}
	}
	within := func(bound float64, holds bool, name Alarm) {
		if bound != 0 && !holds {
			alarms = append(alarms, name)
		}
	}
	within(bounds.MaxKL, r.KL <= bounds.MaxKL, AlarmKL)
	within(bounds.MaxNegativeKL, r.KL >= -bounds.MaxNegativeKL, AlarmNegative)
	within(bounds.MaxRewardDrop, mean >= g.Mean-bounds.MaxRewardDrop*max(g.Std, 1e-6), AlarmReward)
	within(bounds.MinEntropyShare, r.Entropy >= bounds.MinEntropyShare*g.Entropy, AlarmEntropy)
	within(bounds.MaxLengthFactor, r.Length <= bounds.MaxLengthFactor*g.Length && r.Length*bounds.MaxLengthFactor >= g.Length, AlarmLength)
	within(bounds.MinEOSRate, r.EOSRate >= bounds.MinEOSRate, AlarmEOS)
	if g.InRow++; len(alarms) == 0 {
		g.InRow = 0
	}
	stop = g.InRow > 0 && g.InRow >= bounds.Patience
	if r.Ends && r.EOSRate == 0 {
		alarms = append(alarms, AlarmNoEOS)
	}
	if slices.Min(r.Scores) == slices.Max(r.Scores) {
		alarms = append(alarms, AlarmConstant)
	}
	return alarms, stop
}

// meanAndStd gives both of some values; the deviation divides by their number.
func meanAndStd(values []float64) (mean, std float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		std += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(std)
}

// ExplainedVariance is the share of the returns' variance that the values foretold: 1 - Var(returns - values) / Var(returns).
func ExplainedVariance(returns, values []float64) float64 {
	wrong := make([]float64, len(returns))
	for i := range returns {
		wrong[i] = returns[i] - values[i]
	}
	_, left := meanAndStd(wrong)
	_, all := meanAndStd(returns)
	if all == 0 {
		return 0
	}
	return 1 - left*left/(all*all)
}
