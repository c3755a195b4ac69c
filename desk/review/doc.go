// Package review asks and tells workflows what reviewers want to know and to say: a client of their queries and Updates.
//
// It promises that an answer without an error means that the judgement or the decision is kept, and that an error has a kind:
// Invalid, NotFound and Conflict are refusals of the workflow in its own words; Transient leaves the outcome open, and saying
// the same again is harmless. It decides nothing itself and keeps nothing but texts that cannot change.
//
//	client := review.New(server, store)
//	shown, err := client.Next(ctx, "cough", "Person A")
//	recorded, err := client.Judge(ctx, judgement, "names the red flags")
package review
