// Package scoring judges answers by their text alone: accuracy against a reference, relevance to the question, tone for an
// audience, safety. The packages below it hold one measure each, and say how large its error is.
//
// It promises the same judgement for the same pairs on every machine: there is no model, no network, no clock and no
// randomness in it. It refuses pairs without a question, unknown keys and unknown audiences.
//
// Nothing here is medical advice, and no finding is no proof of safety.
//
//	judge, err := scoring.Load()
//	pairs, err := scoring.ReadPairs("pairs.jsonl")
//	judgements, err := judge.All(pairs, spec.Patient)
package scoring
