// Package memory says how much of its training rows a model has by heart, from its log-probabilities alone: exposure of
// planted canaries, text that it continues word for word, and whether its loss tells training rows from others.
//
// It promises canaries, candidates and places that are a function of the seed, and a verdict with reasons in the words of
// the gates. Ranks are exact by enumeration over the candidates, so that of an untrained canary is uniform whatever the model.
//
// It refuses more canaries than their candidates can tell from chance.
//
//	canaries, err := memory.Canaries(spec.CanaryPlan{Count: 8, Candidates: 1024, Seed: 42})
//	rows, err = memory.Plant(rows, canaryTexts, seed)
//	// a model is trained on the rows and gives log p of every candidate
//	exposure := memory.Rank(logProbs)
package memory
