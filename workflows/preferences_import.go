package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/data/preference"
	"elara/spec"
)

// receive takes the Signals that have come.
func (c *collection) receive() {
	var request spec.ImportRequest
	for c.imports.ReceiveAsync(&request) {
		c.Imports = append(c.Imports, request)
		request = spec.ImportRequest{}
	}
}

// importAll takes in what was judged elsewhere, artifact by artifact. One that cannot be taken ends nothing: the report
// says why.
func (c *collection) importAll(ctx workflow.Context) error {
	for c.receive(); c.mayImport(ctx); c.receive() {
		request := &c.Imports[0]
		if len(request.Sets) == 0 {
			c.Imports = c.Imports[1:]
			continue
		}
		reviewer, ref := request.Reviewer, request.Sets[0]
		report, err := c.importSet(ctx, reviewer, ref)
		if err != nil {
			return err
		}
		report.Set, report.Reviewer = ref.Digest, reviewer
		c.Imported = append(c.Imported, report)
		if extra := len(c.Imported) - importsKept; extra > 0 {
			c.Imported = c.Imported[extra:]
		}
		c.Imports[0].Sets = c.Imports[0].Sets[1:]
		if err := c.storeDue(ctx); err != nil {
			return err
		}
	}
	return nil
}

// mayImport reports that there is something to import, and room for it: imports wait while judgements wait for the store,
// and for the next run of the workflow when this one is long. Those that come after the end need neither.
func (c *collection) mayImport(ctx workflow.Context) bool {
	return len(c.Imports) > 0 && (c.Ended != "" || len(c.Waiting) < maxWaiting && !c.turnDue(ctx))
}

func (c *collection) importSet(ctx workflow.Context, reviewer string, ref spec.ArtifactRef) (spec.ImportReport, error) {
	if reason := c.refusesImport(reviewer); reason != "" {
		return spec.ImportReport{Reason: reason}, nil
	}
	var a *activities.Control
	set, err := call(ctx, quick("read judgements that were made elsewhere"), a.ReadImport, ref)
	if temporal.IsCanceledError(err) {
		return spec.ImportReport{}, err
	}
	if err != nil {
		return spec.ImportReport{Reason: fmt.Sprintf("it could not be read: %s", messageOf(err))}, nil
	}
	return c.merge(ctx, reviewer, set), nil
}

func (c *collection) refusesImport(reviewer string) string {
	if c.Ended != "" {
		return fmt.Sprintf("the collection has ended: %s", c.Ended)
	}
	if err := spec.CheckReviewer(reviewer); err != nil {
		return err.Error()
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
	if report.NewPairs > 0 {
		c.Sets = append(c.Sets, set.Ref)
	}
	now := workflow.Now(ctx).UTC()
	places := make([]int, rows)
	outcomes := make([]spec.Outcome, rows)
	for i := range rows { // all pairs are there before the first judgement could end the collection
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
		said, judged := c.said(reviewer, at)
		switch {
		case judged && said == outcomes[i]:
			report.Same++
		case judged:
			report.Different++
		case c.Ended != "":
			report.Refused++
			report.Reason = fmt.Sprintf("the collection has ended: %s", c.Ended)
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
