//go:build torch

// Package nn holds the layers that models are built of, over the packed stream: sequences lie end to end in one
// [tokens, width] tensor, and a Pass says where each begins. There is no padding and no attention mask.
//
// A Linear may carry a LoRA branch; everything else about adapters is in package lora.
package nn
