//go:build torch

// Package lora puts low-rank adapters (Hu et al., arXiv 2106.09685) on the linear layers of a model, as PEFT does it:
//
//	x ──────────────┬────────────► W (frozen) ──► + ──► y
//	                └► dropout ► A ► B ► alpha/r ─┘
//
// Target modules are named by suffix, A is drawn uniformly and B is zero, so that a new adapter changes nothing. Saved
// folders (adapter_config.json, adapter_model.safetensors) go both ways between PEFT and this package. What an adapter
// folder asks for and this package does not do is refused by name.
package lora
