//go:build torch

// Package gpt2 is the GPT-2 architecture, which DialoGPT shares: learned positions, LayerNorm, one joint projection for
// queries, keys and values, GELU. Its three dropouts are part of the configuration and active while training, as in
// transformers. A configuration that asks for something it does not do is refused by name.
package gpt2
