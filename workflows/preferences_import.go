package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
)

// receive takes the Signals that have come.
func (c *collection) receive() {
	var request spec.ImportRequest
	for c.imports.ReceiveAsync(&request) {
		c.queue(request)
		request = spec.ImportRequest{}
	}
}

// queue keeps what may be imported later and reports the rest. What is kept, or shown in a report, goes from run to run: of
// texts that anybody can send only names and digests do.
func (c *collection) queue(request spec.ImportRequest) {
	if err := spec.CheckReviewer(request.Reviewer); err != nil {
		c.report(spec.ImportReport{Reason: err.Error()})
		return
	}
	kept := spec.ImportRequest{Reviewer: request.Reviewer}
	waiting := c.importsWaiting()
	for _, ref := range request.Sets {
		switch {
		case ref.Kind != spec.KindPairs || ref.Digest.Check() != nil:
			c.report(spec.ImportReport{Reviewer: request.Reviewer, Reason: fmt.Sprintf("it is no artifact of kind %s", spec.KindPairs)})
		case waiting >= maxImports:
			c.report(spec.ImportReport{Set: ref.Digest, Reviewer: request.Reviewer, Reason: fmt.Sprintf("%d artifacts wait to be imported already", waiting)})
		default:
			kept.Sets = append(kept.Sets, ref)
			waiting++
		}
	}
	if len(kept.Sets) > 0 {
		c.Imports = append(c.Imports, kept)
	}
}

func (c *collection) importsWaiting() int {
	waiting := 0
	for _, request := range c.Imports {
		waiting += len(request.Sets)
	}
	return waiting
}

func (c *collection) report(report spec.ImportReport) {
	c.Imported = append(c.Imported, report)
	if extra := len(c.Imported) - importsKept; extra > 0 {
		c.Imported = c.Imported[extra:]
	}
}

// importAll takes in what was judged elsewhere, artifact by artifact. One that cannot be taken ends nothing: the report
// says why. One that the store does not give now waits, and the others behind it.
func (c *collection) importAll(ctx workflow.Context) error {
	for c.receive(); c.mayImport(ctx); c.receive() {
		request := &c.Imports[0]
		reviewer, ref := request.Reviewer, request.Sets[0]
		c.endAtDeadline(ctx)
		report, err := c.importSet(ctx, reviewer, ref)
		if temporal.IsCanceledError(err) {
			return err
		}
		if err != nil {
			c.ImportAgain = workflow.Now(ctx).UTC().Add(storeRetry)
			workflow.GetLogger(ctx).Warn("an import waits for the store", "set", ref.Digest, "trouble", troubleText(err))
			return nil
		}
		c.ImportAgain = time.Time{}
		report.Set, report.Reviewer = ref.Digest, reviewer
		c.report(report)
		if request.Sets = request.Sets[1:]; len(request.Sets) == 0 {
			c.Imports = c.Imports[1:]
			c.endIfDone() // not before: the rest of the request would be refused
		}
		if err := c.storeDue(ctx); err != nil {
			return err
		}
	}
	return nil
}

// mayImport reports that there is something to import, and room for it: imports wait while judgements wait for the store,
// for a store that is away, and for the next run of the workflow when this one is long. Those that come after the end need
// none of it.
func (c *collection) mayImport(ctx workflow.Context) bool {
	return len(c.Imports) > 0 &&
		(c.Ended != "" || len(c.Waiting) < maxWaiting && !workflow.Now(ctx).Before(c.ImportAgain) && !c.turnDue(ctx))
}

// importSet fails when the store is away, or the collection is cancelled.
func (c *collection) importSet(ctx workflow.Context, reviewer string, ref spec.ArtifactRef) (spec.ImportReport, error) {
	if reason := c.refusesImport(reviewer); reason != "" {
		return spec.ImportReport{Reason: reason}, nil
	}
	var a *activities.Control
	set, err := call(ctx, brief("read judgements that were made elsewhere"), a.ReadImport, ref)
	if temporal.IsCanceledError(err) || err != nil && isAway(err) {
		return spec.ImportReport{}, err
	}
	if err != nil {
		return spec.ImportReport{Reason: fmt.Sprintf("it could not be read: %s", messageOf(err))}, nil
	}
	c.endAtDeadline(ctx)
	if reason := c.refusesImport(reviewer); reason != "" { // it has ended meanwhile, or others came first
		return spec.ImportReport{Rows: set.Digests.Len(), Refused: set.Digests.Len(), Reason: reason}, nil
	}
	return c.merge(ctx, reviewer, set), nil
}

// isAway tells a store, or a worker, that gives nothing for now from an import that is not right.
func isAway(err error) bool {
	switch kindOf(err) {
	case "", fault.Transient, fault.Preempted: // none: no answer in time
		return true
	}
	return false
}

func (c *collection) refusesImport(reviewer string) string {
	if c.Ended != "" {
		return fmt.Sprintf("the collection has ended: %s", c.Ended)
	}
	if err := c.checkReviewer(reviewer); err != nil {
		return messageOf(err)
	}
	return ""
}

// merge takes the pairs in that are new, and the judgements of all. A pair may be known with its answers in the other
// order. Either all new pairs find room, or none of the judgements is taken.
func (c *collection) merge(ctx workflow.Context, reviewer string, set spec.ImportedSet) spec.ImportReport {
	rows := set.Digests.Len()
	report := spec.ImportReport{Rows: rows}
	for i := range rows {
		if _, _, known := c.placeOf(set, i); !known {
			report.NewPairs++
		}
	}
	report.Matched = rows - report.NewPairs
	if c.Digests.Len()+report.NewPairs > spec.MaxPairs {
		report.Refused, report.NewPairs = rows, 0
		report.Reason = fmt.Sprintf("the collection takes %d pairs at most", spec.MaxPairs)
		return report
	}
	if report.NewPairs > 0 && len(c.Sets) >= maxSets {
		report.Refused, report.NewPairs = rows, 0
		report.Reason = fmt.Sprintf("the collection takes %d artifacts of pairs at most", maxSets)
		return report
	}
	if report.NewPairs > 0 {
		c.Sets = append(c.Sets, set.Ref)
	}
	now := workflow.Now(ctx).UTC()
	places := make([]int, rows)
	outcomes := make([]spec.Outcome, rows)
	for i := range rows {
		at, swapped, known := c.placeOf(set, i)
		if !known {
			at = c.addPair(set.Digests, i)
		}
		places[i] = at
		outcomes[i], _, _ = preference.OutcomeOf(set.Outcomes[i])
		if swapped {
			outcomes[i] = outcomes[i].Swapped()
		}
	}
	for i, at := range places {
		said, _, judged := c.said(reviewer, at)
		switch {
		case judged && said == outcomes[i]:
			report.Same++
		case judged:
			report.Different++
		default:
			report.Kept++
			c.record(at, spec.RecordedJudgement{
				Pair: c.Digests.At(at), Number: at + 1, Outcome: outcomes[i], Reviewer: reviewer, JudgedAt: now, Import: set.Ref.Digest,
			})
		}
	}
	return report
}

// placeOf finds a pair of an import, with its answers in the same order or exchanged.
func (c *collection) placeOf(set spec.ImportedSet, i int) (at int, swapped, known bool) {
	if at, known = c.place[set.Digests.At(i)]; known {
		return at, false, true
	}
	at, known = c.place[set.Swapped.At(i)]
	return at, known, known
}
