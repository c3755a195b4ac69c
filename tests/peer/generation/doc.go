//go:build torch

// Command generation continues prompts as it is told on its standard input, and says what each list of them took. peer.py runs it
// in turns with transformers; make proof-generation runs that.
//
// It reads one line of JSON for a list, {"prompts": [[id, ...], ...], "max_new_tokens": N, "eos": ID}, and answers with one:
// {"seconds": wall, "cpu_seconds": of all threads, "tokens": [[id, ...], ...]}. It needs the engine.
//
//	build/generation MODEL float32|bfloat16 THREADS
package main
