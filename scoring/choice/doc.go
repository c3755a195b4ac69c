// Package choice is multiple choice by log-likelihood without the model: items with their prompts, and what the
// likelihoods of their choices make of them. The conventions are those of lm-evaluation-harness.
//
// It promises the harness's prompts for MedQA, MedMCQA, PubMedQA and ARC (cloze), its acc and acc_norm with standard error, and a set
// of the project's own, made of the table of facts, that is the same on every machine: no item twice, four choices, the
// right one on every place equally often.
//
// It refuses a label outside the choices, an empty question or choice, doubled choices and unknown keys, with file, line
// and what was expected.
//
//	items, err := choice.Read("medqa", "test.jsonl")
//	requests, err := choice.Requests(items[0], tokenizer.EncodeWithSpecial, 2048) // what a model scores
//	result, err := choice.Score(items, likelihoods)
//	fmt.Println(result.Acc, result.AccStandardError)
package choice
