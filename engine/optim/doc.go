//go:build torch

// Package optim holds AdamW, whose whole state can be saved and restored, and gradient clipping.
package optim
