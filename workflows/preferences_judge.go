package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"elara/spec"
	"elara/spec/fault"
)

// listen makes the collection answer, from its first moment to its last.
func (c *collection) listen(ctx workflow.Context) error {
	if err := workflow.SetUpdateHandlerWithOptions(ctx, JudgeUpdate, c.judge, workflow.UpdateHandlerOptions{
		Validator:   func(ctx workflow.Context, j spec.Judgement) error { _, err := c.check(ctx, j); return err },
		Description: "a reviewer says which of two answers is better",
	}); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, CloseUpdate, c.close, workflow.UpdateHandlerOptions{
		Validator:   func(_ workflow.Context, request spec.CloseRequest) error { return c.checkClose(request) },
		Description: "a person ends the collection before its time",
	}); err != nil {
		return err
	}
	return c.answer(ctx)
}

// judge records a judgement. It checks again: between the validator and this call another one may have come first. It
// waits for nothing, so that no answer is owed when the run turns over.
func (c *collection) judge(ctx workflow.Context, j spec.Judgement) (spec.RecordedJudgement, error) {
	pair, err := c.check(ctx, j)
	if err != nil {
		return spec.RecordedJudgement{}, err
	}
	first := shownFirst(c.id, j.Pair, j.Reviewer)
	recorded := spec.RecordedJudgement{
		Pair: j.Pair, Number: pair + 1, Outcome: j.Choice.Outcome(first), First: first, Reviewer: j.Reviewer, Reason: j.Reason,
	}
	if _, imported, again := c.said(j.Reviewer, pair); again {
		recorded.Reason = "" // the first one's stands
		if imported {
			recorded.First = "" // nobody knows how it was shown
		}
		return recorded, nil
	}
	recorded.JudgedAt = workflow.Now(ctx).UTC()
	c.judgedHere++
	c.record(pair, recorded)
	c.endIfDone()
	return recorded, nil
}

// check refuses what may not become a judgement, and gives the place of the pair. The same judgement said again is
// accepted, at any time, and changes nothing.
func (c *collection) check(ctx workflow.Context, j spec.Judgement) (pair int, err error) {
	if err := j.Check(); err != nil {
		return 0, refuse(fault.KindOf(err), "%s", err.Error())
	}
	if j.Collection != c.Run {
		return 0, refuse(fault.Conflict, "the judgement is for collection %s, this is collection %s", j.Collection, c.Run)
	}
	if c.Began.IsZero() {
		return 0, refuse(fault.Transient, "collection %s is still reading its pairs", c.Run)
	}
	if err := c.checkReviewer(j.Reviewer); err != nil {
		return 0, err
	}
	pair, err = c.find(j)
	if err != nil {
		return 0, err
	}
	outcome := j.Choice.Outcome(shownFirst(c.id, j.Pair, j.Reviewer))
	if said, _, judged := c.said(j.Reviewer, pair); judged {
		if said != outcome {
			return 0, refuse(fault.Conflict, "%s has judged pair %d already: %s, and the first judgement stands", j.Reviewer, pair+1, said)
		}
		return pair, nil
	}
	switch {
	case c.Ended == spec.EndClosed:
		return 0, refuse(fault.Conflict, "collection %s was closed by %s at %s", c.Run, c.Closed.By, c.Closed.ClosedAt.Format(time.RFC3339))
	case c.Ended == spec.EndCancelled:
		return 0, refuse(fault.Conflict, "collection %s was cancelled", c.Run)
	case c.Ended == spec.EndDeadline || c.Ended == "" && c.late(ctx):
		return 0, refuse(fault.Conflict, "the deadline of collection %s was %s", c.Run, c.Plan.Deadline.UTC().Format(time.RFC3339))
	case c.Ended != "":
		return 0, refuse(fault.Conflict, "collection %s has all %d judgements that it wanted", c.Run, c.Judged)
	case len(c.Waiting) >= maxWaiting:
		return 0, refuse(fault.Transient, "collection %s waits for its store with %d judgements, and takes more when they are stored", c.Run, len(c.Waiting))
	}
	return pair, nil
}

// find gives the place of the pair that a judgement names.
func (c *collection) find(j spec.Judgement) (int, error) {
	pair, known := c.place[j.Pair]
	switch {
	case known && (j.Number == 0 || j.Number == pair+1):
		return pair, nil
	case known:
		return 0, refuse(fault.Conflict, "the judgement names pair %d and the digest of pair %d", j.Number, pair+1)
	case j.Number > 0 && j.Number <= c.Digests.Len():
		return 0, refuse(fault.Conflict, "the judgement of pair %d is stale: it is about %s, the pair is %s", j.Number, j.Pair.Short(), c.Digests.At(j.Number-1).Short())
	}
	return 0, refuse(fault.NotFound, "pair %s is not in collection %s", j.Pair.Short(), c.Run)
}

// close ends the collection. The first who closes it stands.
func (c *collection) close(ctx workflow.Context, request spec.CloseRequest) (spec.CloseRequest, error) {
	if err := c.checkClose(request); err != nil {
		return spec.CloseRequest{}, err
	}
	if c.Ended == "" {
		request.ClosedAt = workflow.Now(ctx).UTC()
		c.Closed, c.Ended = request, spec.EndClosed
	}
	return c.Closed, nil
}

func (c *collection) checkClose(request spec.CloseRequest) error {
	if err := request.Check(); err != nil {
		return refuse(fault.KindOf(err), "%s", err.Error())
	}
	if c.Began.IsZero() {
		return refuse(fault.Transient, "collection %s is still reading its pairs", c.Run)
	}
	if c.Ended != "" && (c.Ended != spec.EndClosed || c.Closed.By != request.By) {
		return refuse(fault.Conflict, "collection %s has ended already: %s", c.Run, c.Ended)
	}
	return nil
}
