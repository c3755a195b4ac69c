package workflows

import (
	"crypto/sha256"
	"slices"

	"go.temporal.io/sdk/workflow"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
)

// collection is a CollectPreferences under way: its state, and what follows from it.
type collection struct {
	*PreferencesState
	id         string              // of the workflow, the same over all its runs
	place      map[spec.Digest]int // of each pair, from 0
	reviewer   map[string]int      // place in Reviewers
	counts     []int               // judgements of each pair
	complete   int                 // pairs that have all that are wanted
	judgedHere int                 // judgements in this run of the workflow
	calmed     bool                // somebody has judged after it had escalated
	imports    workflow.ReceiveChannel
	result     spec.ArtifactRef
}

func newCollection(ctx workflow.Context, state *PreferencesState) *collection {
	c := &collection{
		PreferencesState: state, id: workflow.GetInfo(ctx).WorkflowExecution.ID,
		place: map[spec.Digest]int{}, reviewer: map[string]int{}, imports: workflow.GetSignalChannel(ctx, ImportSignal),
	}
	for i := range c.Digests.Len() {
		c.place[c.Digests.At(i)] = i
	}
	c.counts = make([]int, c.Digests.Len())
	for r, reviewer := range c.Reviewers {
		c.reviewer[reviewer.Name] = r
		for i := range reviewer.Marks {
			if _, _, judged := reviewer.Marks.At(i); judged {
				c.counts[i]++
			}
		}
	}
	for _, count := range c.counts {
		if count >= c.Plan.PerPair {
			c.complete++
		}
	}
	return c
}

// addSet takes pairs in that are not there yet.
func (c *collection) addSet(set spec.PairSet) {
	c.Sets = append(c.Sets, set.Ref)
	for i := range set.Digests.Len() {
		c.addPair(set.Digests, i)
	}
}

func (c *collection) addPair(from spec.PairDigests, i int) int {
	at := c.Digests.Len()
	c.place[from.At(i)] = at
	c.Digests = append(c.Digests, from.Raw(i)...)
	c.counts = append(c.counts, 0)
	return at
}

// admit gives the place of a reviewer, who is new perhaps. Names are told apart to the letter.
func (c *collection) admit(name string) int {
	at, known := c.reviewer[name]
	if !known {
		at = len(c.Reviewers)
		c.reviewer[name] = at
		c.Reviewers = append(c.Reviewers, PreferencesReviewer{Name: name})
	}
	return at
}

// checkReviewer refuses who may not judge.
func (c *collection) checkReviewer(name string) error {
	if len(c.Plan.Reviewers) > 0 && !slices.Contains(c.Plan.Reviewers, name) {
		return refuse(fault.NotFound, "%s is not among the reviewers of collection %s", name, c.Run)
	}
	if _, known := c.reviewer[name]; !known && len(c.Reviewers) >= spec.MaxReviewers {
		return refuse(fault.Conflict, "collection %s has %d reviewers already, and takes no more", c.Run, spec.MaxReviewers)
	}
	return nil
}

// said gives what a reviewer has said of a pair, here or elsewhere.
func (c *collection) said(reviewer string, pair int) (outcome spec.Outcome, imported, judged bool) {
	at, known := c.reviewer[reviewer]
	if !known {
		return "", false, false
	}
	return c.Reviewers[at].Marks.At(pair)
}

// record keeps a judgement.
func (c *collection) record(pair int, j spec.RecordedJudgement) {
	reviewer := &c.Reviewers[c.admit(j.Reviewer)]
	mark, _ := preference.MarkOf(j.Outcome, j.First == "") // the outcome has been checked
	reviewer.Marks.Set(pair, mark)
	if j.First != "" && (j.Outcome == spec.PrefersA || j.Outcome == spec.PrefersB) {
		if j.Outcome == j.First {
			reviewer.First++
		} else {
			reviewer.Second++
		}
	}
	c.Waiting = append(c.Waiting, j)
	c.Judged++
	c.LastJudged = j.JudgedAt
	c.calmed = c.calmed || c.Level > 0
	c.Level = 0
	if c.counts[pair]++; c.counts[pair] == c.Plan.PerPair {
		c.complete++
	}
}

// endIfDone ends the collection when it has all that it wanted.
func (c *collection) endIfDone() {
	switch {
	case c.Ended != "":
	case c.complete == c.Digests.Len():
		c.Ended = spec.EndComplete
	case c.Plan.Total > 0 && c.Judged >= c.Plan.Total:
		c.Ended = spec.EndTotal
	}
}

// shownFirst says which answer a reviewer sees first: a coin of their own for each pair, which falls the same way whenever
// it is asked, in every run of the workflow and in a replay.
func shownFirst(workflowID string, pair spec.Digest, reviewer string) spec.Outcome {
	if draw("order", workflowID, pair, reviewer)[0]&1 == 0 {
		return spec.PrefersA
	}
	return spec.PrefersB
}

// draw is a number of a purpose for a reviewer and a pair of a collection.
func draw(purpose, workflowID string, pair spec.Digest, reviewer string) [sha256.Size]byte {
	return sha256.Sum256([]byte(purpose + "\n" + workflowID + "\n" + string(pair) + "\n" + reviewer))
}
