package trl

import (
	"elara/data/preference"
	"elara/spec"
)

// Decisions are the pairs of a collection that are decided for one of their answers, in the order of the pairs. Ties,
// pairs of which both answers are bad, undecided and unjudged ones prefer nothing: the collection's counts tell them.
func Decisions(c preference.Collected) []Decided {
	var rows []Decided
	for i, tally := range c.Tallies {
		pair := c.Pairs[i]
		outcome, votes := tally.Decide()
		row := Row{Prompt: pair.Prompt, Chosen: pair.ResponseA, Rejected: pair.ResponseB}
		switch outcome {
		case spec.PrefersA:
		case spec.PrefersB:
			row.Chosen, row.Rejected = row.Rejected, row.Chosen
		default:
			continue
		}
		rows = append(rows, Decided{Row: row, Pair: c.Digests[i], Votes: votes, Judgements: tally.Judgements()})
	}
	return rows
}
