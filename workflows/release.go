package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// conditionalRelease marks the runs that offer their candidate, keep the decision, flip only where the channel serves what
// the reviewer knew of, and ask what they have released.
const conditionalRelease = "conditional-release"

// alreadyReleased reports whether the channel points to this very candidate: then a human has approved it before, and
// asking again would only teach them to approve without looking.
func (p *pipeline) alreadyReleased(ctx workflow.Context) (bool, error) {
	var a *activities.Control
	found, err := call(ctx, quick(fmt.Sprintf("where does channel %s point", p.in.Release.Channel)), a.FindRelease,
		spec.ReleaseInput{Run: p.in.Run, Channel: p.in.Release.Channel, Candidate: p.result.Candidate})
	if err != nil {
		return false, err
	}
	p.approval.replaces = found.Current
	if found.Unchanged == "" {
		return false, nil
	}
	p.result.Release = found
	p.skipped(spec.StageApproval, found.Unchanged)
	p.skipped(spec.StageRelease, found.Unchanged)
	return true, nil
}

// decideAndRelease waits for the humans' word, flips the release pointer when it is approval, and takes the release back
// when an adapter of it does not answer.
func (p *pipeline) decideAndRelease(ctx workflow.Context) error {
	var a *activities.Control
	channel := p.in.Release.Channel
	p.approval.looks = workflow.GetVersion(ctx, conditionalRelease, workflow.DefaultVersion, 1) != workflow.DefaultVersion
	if p.approval.looks {
		if _, err := call(ctx, quick("offer the candidate to channel "+channel), a.OfferCandidate, spec.OfferInput{
			Run: p.in.Run, Channel: channel, Candidate: p.result.Candidate, Replaces: p.approval.replaces, Approvers: p.in.Approval.Approvers,
		}); err != nil {
			return err
		}
	}
	if err := p.enter(ctx, spec.StageApproval); err != nil {
		return err
	}
	decision, err := p.approval.await(ctx, p.result.Candidate)
	if err != nil {
		return err
	}
	p.result.Decision = decision
	release := spec.ReleaseInput{Run: p.in.Run, Channel: channel, Candidate: p.result.Candidate, Decision: decision}
	if p.approval.looks {
		release.Replaces = &decision.Replaces
		p.result.Approval, err = call(ctx, quick("keep the decision"), a.RecordDecision, spec.DecisionInput{
			Run: p.in.Run, Channel: channel, Candidate: p.result.Candidate, Decision: decision,
		})
		if err != nil {
			return err
		}
		release.Approval = p.result.Approval
	}
	if decision.Verdict != spec.Approved {
		workflow.GetLogger(ctx).Info("the candidate is not released", "verdict", decision.Verdict)
		return nil
	}

	if err := p.enter(ctx, spec.StageRelease); err != nil {
		return err
	}
	p.result.Release, err = call(ctx, quick("release on channel "+channel), a.Release, release)
	if err != nil || p.result.Release.Refused != "" || !p.approval.looks || p.in.Release.SmokeQuestion == "" {
		return err
	}
	return p.smoke(ctx)
}

// smoke asks every released adapter one question, as whoever serves it would: from the store, on its own device.
func (p *pipeline) smoke(ctx workflow.Context) error {
	var d *activities.Device
	for i, plan := range p.in.Adapters {
		asked := p.target(plan, i)
		asked.Dataset = spec.ArtifactRef{} // the question is all the data
		_, err := call(ctx, device(DeviceQueue(p.in.TrainQueue, plan.Device), fmt.Sprintf("ask the released adapter %s", plan.Name)), d.SmokeTest,
			spec.SmokeInput{Run: p.in.Run, Base: p.result.Base, Question: p.in.Release.SmokeQuestion, Target: asked})
		if temporal.IsCanceledError(err) {
			return err
		}
		if err != nil {
			return p.takeBack(ctx, fmt.Sprintf("adapter %s: %s", plan.Name, messageOf(err)))
		}
	}
	return nil
}

// takeBack undoes the release; that it was undone, and why, is the result of the run.
func (p *pipeline) takeBack(ctx workflow.Context, reason string) error {
	var a *activities.Control
	taken, err := call(ctx, quick("take the release back: "+reason), a.TakeBack, spec.TakeBackInput{
		Run: p.in.Run, Channel: p.in.Release.Channel, Candidate: p.result.Candidate, Reason: reason, At: workflow.Now(ctx).UTC(),
	})
	if err == nil {
		p.result.Release = taken
	}
	return err
}
