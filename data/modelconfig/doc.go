// Package modelconfig reads the shape of a model: config.json of the families that the engine has (Llama with SmolLM2, Qwen2,
// Qwen3, Mistral; GPT-2), as transformers 4 or 5 writes it, and what a GGUF file of the Llama kind says instead.
//
// It promises transformers' defaults for absent keys, family by family, and rotary frequencies that are transformers' to the bit
// of a float32. It refuses, by name, what belongs to another family, scalings that it does not know, and sizes that no model has.
//
//	config, err := modelconfig.ParseLlama("models/smollm2/config.json", text)
package modelconfig
