//go:build torch

// Package llama is the Llama architecture: RMSNorm, rotary positions, grouped-query attention, SwiGLU. SmolLM2 has this
// shape. A configuration that asks for something it does not do is refused by name, never approximated.
package llama
