package preference

import "elara/spec"

// Tally is how often each outcome was given to one pair.
type Tally struct{ A, B, Tie, BothBad int }

// Add counts one judgement.
func (t *Tally) Add(outcome spec.Outcome) {
	switch outcome {
	case spec.PrefersA:
		t.A++
	case spec.PrefersB:
		t.B++
	case spec.Tie:
		t.Tie++
	case spec.BothBad:
		t.BothBad++
	}
}

// Judgements is how many there are.
func (t Tally) Judgements() int { return t.A + t.B + t.Tie + t.BothBad }

// Decide gives the outcome that more than half of the judgements name, and how many do. Without such a majority the
// outcome is "".
func (t Tally) Decide() (outcome spec.Outcome, votes int) {
	for _, o := range []struct {
		outcome spec.Outcome
		votes   int
	}{{spec.PrefersA, t.A}, {spec.PrefersB, t.B}, {spec.Tie, t.Tie}, {spec.BothBad, t.BothBad}} {
		if 2*o.votes > t.Judgements() {
			return o.outcome, o.votes
		}
	}
	return "", 0
}

// CountPairs adds up what the judgements of all pairs come to.
func CountPairs(tallies []Tally) spec.OutcomeCounts {
	counts := spec.OutcomeCounts{Pairs: len(tallies)}
	for _, tally := range tallies {
		counts.Judgements += int64(tally.Judgements())
		switch outcome, _ := tally.Decide(); {
		case tally.Judgements() == 0:
			counts.Unjudged++
		case outcome == spec.PrefersA:
			counts.PrefersA++
		case outcome == spec.PrefersB:
			counts.PrefersB++
		case outcome == spec.Tie:
			counts.Tie++
		case outcome == spec.BothBad:
			counts.BothBad++
		default:
			counts.Undecided++
		}
	}
	return counts
}
