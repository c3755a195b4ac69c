//go:build torch

// Package loss turns a packed pass into the number that training lowers: the sum of -log p over supervised tokens, divided
// by a denominator that the caller counts over the whole optimiser step. So a batch of eight rows and two batches of four
// give the same gradient, and so do packed and padded rows.
//
// Label smoothing changes the sum that training lowers, not its denominator, and it is transformers' LabelSmoother, with
// accumulated micro-batches too (5.23 counts its denominator over the step as well). Held-out loss is never smoothed;
// transformers' eval_loss is, where label_smoothing_factor is set.
//
// Preferences are learnt by pairs (preference.go): the loss of two scores, or of the log-probabilities of two answers, comes in
// float64 with its derivatives, from which the backward pass goes on.
package loss
