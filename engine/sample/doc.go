//go:build torch

// Package sample generates text. A Batch continues requests side by side: they join while others run, each with its
// adapter, its options and its own stream of draws, and leave as they end.
//
//	b := sample.NewBatch(m, sample.Limits{Rows: 16})
//	defer b.Free()
//	s, err := b.Add(sample.Request{Prompt: ids, Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: 64}})
//	for b.Busy() {
//		moved, err := b.Step(ctx) // each of moved has a new token, or has ended
//	}
//
// What it promises: on the CPU the tokens and probabilities of a request have the same bits whatever requests run beside
// it, whenever they come and go, whether its prompt's beginning was computed for another or for itself, and on any number
// of threads; a draw is a function of the seed, the request's stream and the token's place. Processors with other
// instructions differ in the last bits. On a GPU products are cuBLAS's, whose last bits depend on the number of rows:
// probabilities keep to 1e-5 in float32, and tokens change where two are that near to each other.
//
// Beginnings that requests of one adapter have in common are computed once, but for the last token of each prompt.
//
// What it refuses: prompts that are empty or, with what is to follow, longer than the model's positions. All of it runs
// inside engine.Do. While a batch lives, the weights do not change; after an adapter's did, Forget it.
package sample
