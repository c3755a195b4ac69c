package ppo

import "math"

// Moments are the running mean and variance of all scores so far (Chan et al. 1979), as TRL's RunningMoments has them. They are
// part of the state of a run.
type Moments struct {
	Mean  float64 `json:"mean"`
	Var   float64 `json:"var"` // sum of squares / count
	Std   float64 `json:"std"` // with Bessel's correction
	Count float64 `json:"count"`
}

// NewMoments has seen nothing. The count is TRL's: not quite zero, so that the first update needs no case of its own.
func NewMoments() Moments { return Moments{Var: 1, Std: 1, Count: 1e-24} }

// Update takes scores in.
func (m *Moments) Update(scores []float64) {
	var mean, variance float64
	n := float64(len(scores))
	for _, s := range scores {
		mean += s / n
	}
	for _, s := range scores {
		variance += (s - mean) * (s - mean) / n
	}
	delta, total := mean-m.Mean, m.Count+n
	m.Var = (variance*n + m.Var*m.Count + delta*delta*m.Count*n/total) / total
	m.Mean += delta * n / total
	m.Std = math.Sqrt(m.Var * total / (total - 1))
	m.Count = total
}

// Scaled divides a score by the deviation, TRL's use_score_scaling, and with norm subtracts the mean first, its use_score_norm.
func (m *Moments) Scaled(score float64, norm bool) float64 {
	const tiny = 0x1p-23 // float32's epsilon, which TRL adds
	if norm {
		score -= m.Mean
	}
	return score / (m.Std + tiny)
}
