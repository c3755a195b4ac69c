//go:build torch

// Package llama is the Llama architecture: RMSNorm, rotary positions, grouped-query attention, SwiGLU; and the families that
// differ from it in a few places:
//
//	llama    SmolLM2, Llama 2 and 3: biases where the configuration asks for them
//	qwen2    Qwen 2 and 2.5: biases on queries, keys and values
//	qwen3    an RMSNorm over each head's query and key
//	mistral  attention over a window
//
// Rotary positions may be scaled (linear, llama3, yarn). A configuration that asks for something that is not done here is
// refused by name, never approximated.
package llama
