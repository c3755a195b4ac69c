package ppo

// Controller holds the KL coefficient. It is part of the state of a run.
type Controller struct {
	Coefficient float64 `json:"kl_coef"`
}

// Adapt moves the coefficient towards what keeps the KL at its target (Ziegler et al., arXiv 1909.08593, section 2.2), as TRL's
// AdaptiveKLController does: by the share of the horizon that these episodes are, times the relative error, which counts 0.2 at
// most. kl is the mean over answers of the sum over their tokens, in nats.
func (c *Controller) Adapt(kl, target, horizon float64, episodes int) {
	wrong := min(max(kl/target-1, -0.2), 0.2)
	c.Coefficient *= 1 + wrong*float64(episodes)/horizon
}
