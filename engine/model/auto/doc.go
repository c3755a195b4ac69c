//go:build torch

// Package auto loads a model by what its files say it is: the model_type of config.json, or the architecture of a GGUF file.
package auto
