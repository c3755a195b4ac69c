package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"elara/spec"
	"elara/spec/fault"
)

// approval is a named human's word on the candidate: asked for by Update, checked before it enters the history,
// taken once. The wait for it holds no activity slot.
type approval struct {
	candidate spec.ArtifactRef // zero until there is one
	decision  spec.Decision    // Verdict is empty until it is taken
}

// listen makes the pipeline answer the decide Update, from its first moment to its last.
func (a *approval) listen(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, DecideUpdate, a.decide, workflow.UpdateHandlerOptions{
		Validator:   func(_ workflow.Context, decision spec.Decision) error { return a.check(decision) },
		Description: "a reviewer approves or rejects the candidate",
	})
}

// decide takes the decision. It checks again: between the validator and this call another decision may have come first.
func (a *approval) decide(ctx workflow.Context, decision spec.Decision) (spec.Decision, error) {
	if err := a.check(decision); err != nil {
		return spec.Decision{}, err
	}
	if a.decision.Verdict == "" {
		decision.Reviewer = strings.TrimSpace(decision.Reviewer)
		decision.DecidedAt = workflow.Now(ctx).UTC()
		a.decision = decision
	}
	return a.decision, nil
}

// check refuses what may not become a decision. The same decision said again is accepted and changes nothing.
func (a *approval) check(decision spec.Decision) error {
	if err := decision.Check(); err != nil {
		return refuse(fault.KindOf(err), "%s", err.Error())
	}
	if a.candidate.IsZero() {
		return refuse(fault.NotFound, "there is no candidate to decide on yet")
	}
	if decision.Candidate != a.candidate.Digest {
		return refuse(fault.Conflict, "the decision is about candidate %s, the candidate is %s",
			decision.Candidate, a.candidate.Digest)
	}
	if taken := a.decision; taken.Verdict == spec.Expired {
		return refuse(fault.Conflict, "the time to decide on candidate %s has run out", taken.Candidate.Short())
	} else if taken.Verdict != "" && !same(taken, decision) {
		return refuse(fault.Conflict, "candidate %s was %s by %s at %s",
			taken.Candidate.Short(), taken.Verdict, taken.Reviewer, taken.DecidedAt.Format(time.RFC3339))
	}
	return nil
}

// same reports whether two decisions say the same; the wording of the reason is free.
func same(a, b spec.Decision) bool {
	return a.Verdict == b.Verdict && a.Candidate == b.Candidate &&
		strings.TrimSpace(a.Reviewer) == strings.TrimSpace(b.Reviewer)
}

// await offers the candidate and waits for the decision, or for the end of the time given.
func (a *approval) await(ctx workflow.Context, candidate spec.ArtifactRef, plan spec.ApprovalPlan) (spec.Decision, error) {
	a.candidate = candidate
	taken := func() bool { return a.decision.Verdict != "" }
	if plan.TimeoutHours == 0 {
		if err := workflow.Await(ctx, taken); err != nil {
			return spec.Decision{}, err
		}
	} else {
		inTime, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      time.Duration(plan.TimeoutHours * float64(time.Hour)),
			TimerOptions: workflow.TimerOptions{Summary: "time to decide"},
		}, taken)
		if err != nil {
			return spec.Decision{}, err
		}
		if !inTime {
			a.decision = spec.Decision{
				Verdict: spec.Expired, Candidate: candidate.Digest, DecidedAt: workflow.Now(ctx).UTC(),
			}
		}
	}
	// The reviewer's client gets its answer before the workflow can end.
	err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return a.decision, err
}
