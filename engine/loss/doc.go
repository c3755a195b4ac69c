//go:build torch

// Package loss turns a packed pass into the number that training lowers: the sum of -log p over supervised tokens, divided
// by a denominator that the caller counts over the whole optimiser step. So a batch of eight rows and two batches of four
// give the same gradient, and so do packed and padded rows.
package loss
