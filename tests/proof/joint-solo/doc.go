// Command joint-solo trains four adapters at once over one SmolLM2, and each of them alone, in float32 and in bfloat16, and
// compares the files byte by byte. The adapters differ in rank, rate, batch, dropout and seed.
package main
