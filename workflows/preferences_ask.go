package workflows

import (
	"bytes"
	"slices"

	"go.temporal.io/sdk/workflow"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
)

// answer makes the collection answer its queries.
func (c *collection) answer(ctx workflow.Context) error {
	for _, query := range []struct {
		name, about string
		handler     any
	}{
		{StatusQuery, "how far the collection is", func() (spec.PreferencesStatus, error) { return c.status(), nil }},
		{NextPairQuery, "which pair a reviewer should look at", c.next},
		{AgreementQuery, "how far reviewers agree", func() (spec.AgreementResult, error) { return c.agreement(), nil }},
		{WaitingQuery, "judgements that are not in the store yet", func() ([]spec.RecordedJudgement, error) { return slices.Clone(c.Waiting), nil }},
	} {
		if err := workflow.SetQueryHandlerWithOptions(ctx, query.name, query.handler, workflow.QueryHandlerOptions{Description: query.about}); err != nil {
			return err
		}
	}
	return nil
}

// next chooses the pair that has the fewest judgements and still wants one, and that the reviewer has not judged. Among
// equals each reviewer has an order of their own, so that they do not all look at the same pair at once.
func (c *collection) next(reviewer string) (spec.NextPair, error) {
	if err := spec.CheckReviewer(reviewer); err != nil {
		return spec.NextPair{}, refuse(fault.Invalid, "%s", err.Error())
	}
	if err := c.checkReviewer(reviewer); err != nil {
		return spec.NextPair{}, err
	}
	answer := spec.NextPair{Collection: c.Run}
	if c.Ended != "" {
		return answer, nil
	}
	best, bestDraw := -1, [32]byte{}
	for i, count := range c.counts {
		if _, _, judged := c.said(reviewer, i); judged || count >= c.Plan.PerPair {
			continue
		}
		answer.Left++
		if best >= 0 && count > c.counts[best] {
			continue
		}
		drawn := draw("turn", c.id, c.Digests.At(i), reviewer)
		if best < 0 || count < c.counts[best] || bytes.Compare(drawn[:], bestDraw[:]) < 0 {
			best, bestDraw = i, drawn
		}
	}
	if best < 0 {
		return answer, nil
	}
	answer.Pair, answer.Number = c.Digests.At(best), best+1
	answer.First = shownFirst(c.id, answer.Pair, reviewer)
	return answer, nil
}

func (c *collection) wanted() int64 { return int64(c.Digests.Len()) * int64(c.Plan.PerPair) }

func (c *collection) status() spec.PreferencesStatus {
	return spec.PreferencesStatus{
		Run: c.Run, Name: c.Name, Open: c.Ended == "" && !c.Began.IsZero(), Ended: c.Ended, Closed: c.Closed, Plan: c.Plan,
		Sets: slices.Clone(c.Sets), Pairs: c.Digests.Len(), Complete: c.complete, Judged: c.Judged, Wanted: c.wanted(),
		LastJudged: c.LastJudged, Escalations: c.Escalations, Overdue: c.Level > 0,
		Stored: c.Stored, Waiting: len(c.Waiting), Trouble: c.Trouble,
		Reviewers: c.views(), Imports: slices.Clone(c.Imported), Importing: c.importsWaiting() + c.imports.Len(), Result: c.result,
	}
}

func (c *collection) views() []spec.ReviewerView {
	views := make([]spec.ReviewerView, len(c.Reviewers))
	for i, r := range c.Reviewers {
		views[i] = preference.View(r.Name, r.Marks, r.First, r.Second)
	}
	return views
}

func (c *collection) agreement() spec.AgreementResult {
	marks := make([]preference.Marks, len(c.Reviewers))
	for i, r := range c.Reviewers {
		marks[i] = r.Marks
	}
	return preference.WithReviewers(preference.Agree(c.Digests.Len(), marks), c.views())
}
