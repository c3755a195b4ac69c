package workflows

import (
	"fmt"
	"slices"

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
	p.approval.looks = knows(ctx, conditionalRelease)
	if p.approval.looks {
		if _, err := call(ctx, quick("offer the candidate to channel "+channel), a.OfferCandidate, spec.OfferInput{
			Run: p.in.Run, Channel: channel, Candidate: p.result.Candidate, Replaces: p.approval.replaces, Approvers: p.in.Approval.Approvers,
			Smoke: p.smokePlan(),
		}); err != nil {
			return err
		}
	}
	if err := p.enter(ctx, spec.StageApproval); err != nil {
		return err
	}
	p.tell(ctx, spec.Notice{Kind: spec.NoticeApproval, Digest: p.result.Candidate.Digest})
	p.remind(ctx)
	decision, err := p.approval.await(ctx, p.result.Candidate)
	if err != nil {
		return err
	}
	p.result.Decision = decision
	release := spec.ReleaseInput{Run: p.in.Run, Channel: channel, Candidate: p.result.Candidate, Decision: decision, Smoke: p.smokePlan()}
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
	if err != nil || p.result.Release.Refused != "" || !p.approval.looks {
		return err
	}
	if !release.Smoke.IsZero() {
		taken, err := smoke(ctx, spec.SmokeReleaseInput{Run: p.in.Run, Channel: channel, Candidate: p.result.Candidate, Smoke: release.Smoke})
		if err != nil {
			return err
		}
		if taken.TakenBack != "" {
			p.result.Release = taken
			p.tell(ctx, spec.Notice{Kind: spec.NoticeTakenBack, Digest: p.result.Candidate.Digest})
			return nil
		}
	}
	return p.watchReleased(ctx)
}

// smokePlan is what the candidate is asked once it is released.
func (p *pipeline) smokePlan() spec.SmokePlan {
	smoke := spec.SmokePlan{Question: p.in.Release.SmokeQuestion, Base: p.result.Base, TrainQueue: p.in.TrainQueue}
	ask := func(target spec.EvaluatedTarget) {
		target.Dataset = spec.ArtifactRef{} // the question is all the data
		smoke.Targets = append(smoke.Targets, target)
	}
	for i, plan := range p.in.Adapters {
		ask(p.target(plan, i))
	}
	// One question to each model, not to each of its audiences, which stand together.
	for _, m := range slices.CompactFunc(p.in.MeasuredModels(), func(a, b spec.MeasuredModel) bool { return a.Made == b.Made }) {
		ask(p.modelTarget(m))
	}
	return smoke
}
