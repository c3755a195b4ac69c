// Package rewards says what an answer is worth: a weighted sum of a reward model and of plain functions, each with a name. There are
// length, the safety rules of scoring/safety, and a scorer behind HTTP.
//
// It promises that every part of a sum is told by its name, and that a score which is not a number ends the work with the name of the
// scorer and the place of the answer. It refuses configurations that name a key its kind of scorer does not read. It never writes an
// answer into an error; an HTTP scorer sends prompts and answers to the server it is given, and to nobody else.
//
//	mix, err := rewards.New([]spec.Scorer{{Name: "brief", Kind: spec.ScorerLength, Weight: 1, Words: 80}}, nil)
//	totals, parts, err := mix.Score(ctx, []rewards.Answer{{Prompt: "What is gout?", Text: "Crystals in a joint."}})
package rewards
