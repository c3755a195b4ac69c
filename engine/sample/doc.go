//go:build torch

// Package sample generates text: greedily, or by temperature and top-p with draws that are a function of (seed, prompt,
// position) alone. Prompts are computed once; after that each step costs one token per sequence, and finished ones leave.
package sample
