package preference

import (
	"elara/spec"
	"elara/spec/fault"
)

// Collected is a collection's pairs with all that was said of them.
type Collected struct {
	Pairs     []Pair
	Digests   []spec.Digest // of the pairs
	Tallies   []Tally       // of the pairs
	Counts    spec.OutcomeCounts
	Agreement spec.AgreementResult
}

// Summary is the file summary.json.
type Summary struct {
	Run       spec.RunID           `json:"run"`
	Name      string               `json:"name"`
	Counts    spec.OutcomeCounts   `json:"counts"`
	Agreement spec.AgreementResult `json:"agreement"`
	Undecided []Undecided          `json:"undecided"`
}

// Undecided is a pair about which no more than half of the judgements agree.
type Undecided struct {
	Pair    spec.Digest `json:"pair"`
	Number  int         `json:"number"` // from 1
	ID      string      `json:"id,omitempty"`
	A       int         `json:"response_a"`
	B       int         `json:"response_b"`
	Tie     int         `json:"tie"`
	BothBad int         `json:"both_bad"`
}

// Union puts sets of pairs together in their order. A pair that is there already, with its answers in either order, is
// not taken again.
func Union(sets ...[]Pair) []Pair {
	var all []Pair
	seen := map[spec.Digest]bool{}
	for _, set := range sets {
		for _, pair := range set {
			digest := pair.Digest()
			if seen[digest] {
				continue
			}
			seen[digest], seen[pair.Swapped().Digest()] = true, true
			all = append(all, pair)
		}
	}
	return all
}

// Collect counts judgements. It refuses one of a pair that is not there, and a second one of the same reviewer for the same
// pair: no collection records such.
func Collect(pairs []Pair, judged []Judged) (Collected, error) {
	c := Collected{Pairs: pairs, Digests: make([]spec.Digest, len(pairs)), Tallies: make([]Tally, len(pairs))}
	place := make(map[spec.Digest]int, len(pairs))
	for i, pair := range pairs {
		c.Digests[i] = pair.Digest()
		place[c.Digests[i]] = i
	}
	type reviewer struct {
		name          string
		marks         Marks
		first, second int64
	}
	var reviewers []*reviewer
	byName := map[string]*reviewer{}
	for _, j := range judged {
		at, known := place[j.Pair]
		if !known {
			return c, fault.New(fault.Corrupt, "a judgement is about pair %s, which is not in the collection", j.Pair.Short())
		}
		mark, known := MarkOf(j.Outcome, j.First == "")
		if !known {
			return c, fault.New(fault.Corrupt, "pair %s: outcome %q is none", j.Pair.Short(), string(j.Outcome))
		}
		r := byName[j.Reviewer]
		if r == nil {
			r = &reviewer{name: j.Reviewer}
			byName[j.Reviewer], reviewers = r, append(reviewers, r)
		}
		if _, _, twice := r.marks.At(at); twice {
			return c, fault.New(fault.Corrupt, "pair %s is judged twice by one reviewer", j.Pair.Short())
		}
		r.marks.Set(at, mark)
		c.Tallies[at].Add(j.Outcome)
		switch {
		case j.First == "" || j.Outcome == spec.Tie || j.Outcome == spec.BothBad:
		case j.Outcome == j.First:
			r.first++
		default:
			r.second++
		}
	}
	marks := make([]Marks, len(reviewers))
	views := make([]spec.ReviewerView, len(reviewers))
	for i, r := range reviewers {
		marks[i], views[i] = r.marks, View(r.name, r.marks, r.first, r.second)
	}
	c.Counts = CountPairs(c.Tallies)
	c.Agreement = WithReviewers(Agree(len(pairs), marks), views)
	return c, nil
}

// Summary says what the collection came to, and names what is undecided.
func (c Collected) Summary(run spec.RunID, name string) Summary {
	s := Summary{Run: run, Name: name, Counts: c.Counts, Agreement: c.Agreement, Undecided: []Undecided{}}
	for i, tally := range c.Tallies {
		if outcome, _ := tally.Decide(); outcome == "" && tally.Judgements() > 0 {
			s.Undecided = append(s.Undecided, Undecided{
				Pair: c.Digests[i], Number: i + 1, ID: c.Pairs[i].ID, A: tally.A, B: tally.B, Tie: tally.Tie, BothBad: tally.BothBad,
			})
		}
	}
	return s
}
