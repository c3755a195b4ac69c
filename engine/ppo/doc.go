// Package ppo is the arithmetic of proximal policy optimisation of a language model (Ziegler et al., arXiv 1909.08593; Huang et
// al., arXiv 2403.17031), as TRL 0.11.4's PPOv2Trainer does it: rewards of tokens, advantages, the two clipped losses, the
// controllers of the KL coefficient, the normaliser of scores, and the guard that stops a run which goes wrong. It knows no
// tensors: losses come with their derivatives, which a recipe sends backwards through the model.
//
// Answers are as long as they are: there is no padding, and what TRL masks does not exist here. An answer of n tokens has n
// log-probabilities. It has n steps where it fills the window and n+1 where it ended before, the last one being the state after
// its end, at which the score is given.
//
// It promises TRL's numbers to 1e-6 in float32 (make proof-ppo-formulas), and variances with Bessel's correction, as TRL and
// unlike the paper's own code. It refuses to whiten a single value.
//
//	kl := ppo.K1.Tokens(answer.LogProbs, answer.RefLogProbs)
//	rewards := ppo.Rewards(kl, coefficient, score, len(answer.Values))
//	advantages, returns := ppo.Advantages(rewards, answer.Values, gamma, lam)
package ppo
