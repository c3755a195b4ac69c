package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// alreadyReleased reports whether the channel points to this very candidate: then a human has approved it before, and
// asking again would only teach them to approve without looking.
func (p *pipeline) alreadyReleased(ctx workflow.Context) (bool, error) {
	var a *activities.Control
	found, err := call(ctx, quick(fmt.Sprintf("where does channel %s point", p.in.Release.Channel)), a.FindRelease,
		spec.ReleaseInput{Run: p.in.Run, Channel: p.in.Release.Channel, Candidate: p.result.Candidate})
	if err != nil || found.Unchanged == "" {
		return false, err
	}
	p.result.Release = found
	p.skipped(spec.StageApproval, found.Unchanged)
	p.skipped(spec.StageRelease, found.Unchanged)
	return true, nil
}

// decideAndRelease waits for the human's word and flips the release pointer when it is approval.
func (p *pipeline) decideAndRelease(ctx workflow.Context) error {
	if err := p.enter(ctx, spec.StageApproval); err != nil {
		return err
	}
	decision, err := p.approval.await(ctx, p.result.Candidate, p.in.Approval)
	if err != nil {
		return err
	}
	p.result.Decision = decision
	if decision.Verdict != spec.Approved {
		workflow.GetLogger(ctx).Info("the candidate is not released", "verdict", decision.Verdict)
		return nil
	}

	if err := p.enter(ctx, spec.StageRelease); err != nil {
		return err
	}
	var a *activities.Control
	p.result.Release, err = call(ctx, quick(fmt.Sprintf("release on channel %s", p.in.Release.Channel)), a.Release,
		spec.ReleaseInput{
			Run: p.in.Run, Channel: p.in.Release.Channel,
			Candidate: p.result.Candidate, Decision: decision,
		})
	return err
}
