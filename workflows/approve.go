package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
	"elara/spec/fault"
)

// approval is the word of named humans on the candidate: asked for by Update, checked before it enters the history,
// taken once. The wait for it holds no activity slot.
type approval struct {
	run       spec.RunID
	plan      spec.ApprovalPlan
	channel   string
	candidate spec.ArtifactRef // zero until there is one
	replaces  spec.Digest      // what the channel served when the candidate was offered
	looks     bool             // false for runs that began before the channel was looked at with each approval
	signed    []spec.Decision  // approvals while others are missing
	decision  spec.Decision    // Verdict is empty until it is taken
	turn      workflow.Mutex   // decisions are taken in the order in which they came
}

// listen makes the pipeline answer the decide Update, from its first moment to its last.
func (a *approval) listen(ctx workflow.Context) error {
	a.turn = workflow.NewMutex(ctx)
	return workflow.SetUpdateHandlerWithOptions(ctx, DecideUpdate, a.decide, workflow.UpdateHandlerOptions{
		Validator:   func(_ workflow.Context, decision spec.Decision) error { return a.check(decision) },
		Description: "a reviewer approves or rejects the candidate",
	})
}

// decide takes the decision. It checks again: since the validator looked, another decision may have been taken, or the time
// have run out.
func (a *approval) decide(ctx workflow.Context, decision spec.Decision) (spec.Decision, error) {
	if err := a.turn.Lock(ctx); err != nil {
		return spec.Decision{}, err
	}
	defer a.turn.Unlock()
	if err := a.check(decision); err != nil {
		return spec.Decision{}, err
	}
	if a.looks && decision.Verdict == spec.Approved && a.decision.Verdict == "" {
		if err := a.look(ctx, &decision); err != nil {
			return spec.Decision{}, err
		}
		if err := a.check(decision); err != nil {
			return spec.Decision{}, err
		}
	}
	if a.decision.Verdict != "" {
		return a.decision, nil
	}
	decision.Reviewer = spec.Person(decision.Reviewer)
	decision.DecidedAt = workflow.Now(ctx).UTC()
	decision.ExpiresAt, decision.Cosigned, decision.Missing = time.Time{}, nil, 0
	if decision.Verdict == spec.Rejected {
		a.decision = decision
		return decision, nil
	}
	if a.plan.ValidHours > 0 {
		decision.ExpiresAt = decision.DecidedAt.Add(hours(a.plan.ValidHours))
	}
	return a.sign(decision), nil
}

// look refuses an approval by somebody who has looked at another state of the channel.
func (a *approval) look(ctx workflow.Context, decision *spec.Decision) error {
	var c *activities.Control
	found, err := call(ctx, quick("what does channel "+a.channel+" serve now"), c.FindRelease,
		spec.ReleaseInput{Run: a.run, Channel: a.channel, Candidate: a.candidate})
	if err != nil {
		return err
	}
	switch decision.Replaces {
	case "":
		decision.Replaces = a.replaces
	case spec.Nothing:
		decision.Replaces = ""
	}
	if found.Unchanged == "" && found.Current != decision.Replaces {
		return refuse(fault.Conflict, "channel %s serves %s by now, this approval is to replace %s: look at what is served, then approve with that as what is replaced",
			a.channel, orNothing(found.Current), orNothing(decision.Replaces))
	}
	return nil
}

// sign takes one person's approval, and makes it the decision when it is the last that was missing.
func (a *approval) sign(decision spec.Decision) spec.Decision {
	var standing []spec.Decision
	for _, signed := range a.signed {
		switch {
		case signed.InForce(decision.DecidedAt) != nil || signed.Replaces != decision.Replaces:
			// It ran out, or was about another state of the channel.
		case spec.SamePerson(signed.Reviewer, decision.Reviewer):
			decision = signed // said before
		default:
			standing = append(standing, signed)
		}
	}
	standing = append(standing, decision)
	a.signed = standing
	if missing := a.plan.Needed() - len(a.signed); missing > 0 {
		decision.Missing = missing
		return decision
	}
	a.decision = a.signed[0]
	for _, other := range a.signed[1:] {
		a.decision.Cosigned = append(a.decision.Cosigned, spec.Signature{Reviewer: other.Reviewer, Reason: other.Reason, DecidedAt: other.DecidedAt})
	}
	a.signed = nil
	return a.decision
}

// check refuses what may not become a decision. The same decision said again is accepted and changes nothing.
func (a *approval) check(decision spec.Decision) error {
	if err := decision.Check(); err != nil {
		return refuse(fault.KindOf(err), "%s", err.Error())
	}
	if !a.plan.Admits(decision.Reviewer) {
		return refuse(fault.Invalid, "%s is no approver of this pipeline, expected one of %s (approval.approvers in the pipeline file)",
			spec.Person(decision.Reviewer), strings.Join(a.plan.Approvers, ", "))
	}
	if a.candidate.IsZero() {
		return refuse(fault.NotFound, "there is no candidate to decide on yet")
	}
	if decision.Candidate != a.candidate.Digest {
		return refuse(fault.Conflict, "the decision is about candidate %s, the candidate is %s",
			decision.Candidate, a.candidate.Digest)
	}
	if taken := a.decision; taken.Verdict == spec.Expired {
		return refuse(fault.Conflict, "the time to decide on candidate %s has run out: run the pipeline again, what is unchanged is skipped", taken.Candidate.Short())
	} else if taken.Verdict != "" && !same(taken, decision) {
		return refuse(fault.Conflict, "candidate %s was %s by %s at %s",
			taken.Candidate.Short(), taken.Verdict, taken.Signers(), taken.DecidedAt.Format(time.RFC3339))
	}
	return nil
}

// same reports whether a decision says what was decided, by one who decided it; the wording of the reason is free.
func same(taken, said spec.Decision) bool {
	return taken.Verdict == said.Verdict && taken.Candidate == said.Candidate && taken.SignedBy(said.Reviewer)
}

func hours(n float64) time.Duration { return time.Duration(n * float64(time.Hour)) }

func orNothing(digest spec.Digest) string {
	if digest == "" {
		return string(spec.Nothing)
	}
	return "candidate " + string(digest)
}

// await offers the candidate and waits for the decision, or for the end of the time given.
func (a *approval) await(ctx workflow.Context, candidate spec.ArtifactRef) (spec.Decision, error) {
	a.candidate = candidate
	taken := func() bool { return a.decision.Verdict != "" }
	if a.plan.TimeoutHours == 0 {
		if err := workflow.Await(ctx, taken); err != nil {
			return spec.Decision{}, err
		}
	} else {
		inTime, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      hours(a.plan.TimeoutHours),
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
