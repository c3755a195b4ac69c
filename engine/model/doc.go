//go:build torch

// Package model says what a causal language model is to the rest of the engine, and where its weights come from: a Hugging
// Face folder (config.json with model.safetensors, sharded or not) or one GGUF file. The architectures are in folders of
// their own; package auto picks one by the configuration.
package model
