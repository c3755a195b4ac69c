//go:build torch

// Package recipes assembles the engine into whole stages, one file each: train a LoRA adapter, evaluate it beside its base,
// score texts, generate answers. A recipe reads top to bottom and works on local paths; it knows neither Temporal nor a store.
package recipes
