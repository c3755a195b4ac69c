package activities

import (
	"context"
	"fmt"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// FindRelease tells what the channel serves, and whether it is this candidate already; Unchanged is set when it is.
func (c *Control) FindRelease(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	return run(ctx, c.Instruments, spec.StageRelease, in, c.findRelease)
}

func (c *Control) findRelease(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	release, err := artifact.Current(ctx, c.Store, in.Channel)
	if fault.Is(err, fault.NotFound) {
		return spec.ReleaseResult{}, nil
	}
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	result, last := release.Last(), release.Changes[len(release.Changes)-1]
	if last.To.Digest == in.Candidate.Digest {
		result.Unchanged = fmt.Sprintf("channel %s serves candidate %s since %s approved it",
			in.Channel, last.To.Digest.Short(), last.Decision.Signers())
	}
	return result, nil
}

// OfferCandidate makes the candidate the one that the channel's reviewers are asked about.
func (c *Control) OfferCandidate(ctx context.Context, in spec.OfferInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageApproval, in, c.offerCandidate)
}

func (c *Control) offerCandidate(ctx context.Context, in spec.OfferInput) (spec.ArtifactRef, error) {
	return in.Candidate, artifact.PutOffer(ctx, c.Store, artifact.Offer{
		Channel: in.Channel, Run: in.Run, Candidate: in.Candidate, Replaces: in.Replaces, Approvers: in.Approvers, Smoke: in.Smoke,
	})
}

// RecordDecision keeps a decision as an artifact, made from what it is about.
func (c *Control) RecordDecision(ctx context.Context, in spec.DecisionInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageApproval, in, c.recordDecision)
}

func (c *Control) recordDecision(ctx context.Context, in spec.DecisionInput) (spec.ArtifactRef, error) {
	ref, err := artifact.PublishJSON(ctx, c.Store, spec.KindDecision, spec.DecisionFile, in.Decision, []spec.Digest{in.Candidate.Digest})
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	return ref, artifact.DecideOffer(ctx, c.Store, in.Channel, in.Run, ref)
}

// Release points the channel to an approved candidate. When the channel has moved, or the approval has expired, Refused
// says so: a release that is refused is a result, with something to do about it.
func (c *Control) Release(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	return run(ctx, c.Instruments, spec.StageRelease, in, c.release)
}

func (c *Control) release(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	from, err := c.replaced(ctx, in)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	err = in.Decision.InForce(time.Now())
	var result spec.ReleaseResult
	if err == nil {
		result, err = artifact.Flip(ctx, c.Store, in.Channel, from,
			artifact.Change{To: in.Candidate, Decision: in.Decision, Approval: in.Approval, Smoke: in.Smoke})
	}
	if !fault.Is(err, fault.Conflict) || in.Replaces == nil {
		return result, err
	}
	serves, lookErr := c.findRelease(ctx, in)
	if lookErr != nil {
		return spec.ReleaseResult{}, lookErr
	}
	serves.Channel, serves.Key = in.Channel, artifact.ReleaseKey(in.Channel)
	serves.Refused = fmt.Sprintf("%v; elara release promote %s takes what was approved after a look at what is served now", err, in.Channel)
	return serves, nil
}

// replaced is what the channel must serve for the flip to take place.
func (c *Control) replaced(ctx context.Context, in spec.ReleaseInput) (spec.Digest, error) {
	if in.Replaces != nil {
		return *in.Replaces, nil
	}
	release, err := artifact.Current(ctx, c.Store, in.Channel)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return release.Current().Digest, err
}

// smokeCheck signs a return that no person has asked for: it must not look like one.
const smokeCheck = "smoke check (no person looked)"

// TakeBack undoes a release that turned out bad: the channel serves what it did before, or nothing. Where somebody has
// moved the channel meanwhile, it is left as it is.
func (c *Control) TakeBack(ctx context.Context, in spec.TakeBackInput) (spec.ReleaseResult, error) {
	return run(ctx, c.Instruments, spec.StageRelease, in, c.takeBack)
}

func (c *Control) takeBack(ctx context.Context, in spec.TakeBackInput) (spec.ReleaseResult, error) {
	release, err := artifact.Current(ctx, c.Store, in.Channel)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	word := spec.Decision{Reviewer: smokeCheck, Reason: in.Reason, DecidedAt: in.At}
	var result spec.ReleaseResult
	before, found := release.Before()
	switch {
	case release.Current().Digest != in.Candidate.Digest: // moved by a person, or by an attempt of ours whose answer was lost
		result = release.Last()
	case found:
		word.Verdict, word.Candidate = spec.Approved, before.Digest
		result, err = artifact.Back(ctx, c.Store, in.Channel, in.Candidate.Digest, before, word)
	default:
		word.Verdict, word.Candidate = spec.Rejected, in.Candidate.Digest
		result, err = artifact.Stop(ctx, c.Store, in.Channel, word)
	}
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	result.TakenBack = in.Reason
	return result, nil
}
