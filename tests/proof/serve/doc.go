// Command serve trains two adapters over one base, exports them, and lets 32 clients at once ask them and the base over HTTP. It
// compares each answer's tokens with exec generate's over the training text of the same question, and each prompt's with exec
// tokenize's; then it forges the template of an adapter's record. Where Python's openai package is at hand it asks, too.
//
// The base is SmolLM2; BASE=tiny takes the tiny model.
package main
