package activities

import (
	"context"
	"fmt"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// FindRelease tells whether the channel serves this candidate already; Unchanged is set when it does.
func (c *Control) FindRelease(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	return run(ctx, c.Instruments, spec.StageRelease, in, c.findRelease)
}

func (c *Control) findRelease(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	release, err := artifact.Current(ctx, c.Store, in.Channel)
	if fault.Is(err, fault.NotFound) {
		return spec.ReleaseResult{}, nil
	}
	if err != nil || release.Current().Digest != in.Candidate.Digest {
		return spec.ReleaseResult{}, err
	}
	last := release.Changes[len(release.Changes)-1]
	result := spec.ReleaseResult{Channel: in.Channel, Current: last.To.Digest, Key: artifact.ReleaseKey(in.Channel)}
	if len(release.Changes) > 1 {
		result.Previous = release.Changes[len(release.Changes)-2].To.Digest
	}
	result.Unchanged = fmt.Sprintf("channel %s serves candidate %s since %s approved it",
		in.Channel, last.To.Digest.Short(), last.Decision.Reviewer)
	return result, nil
}

// Release points the channel to an approved candidate.
func (c *Control) Release(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	return run(ctx, c.Instruments, spec.StageRelease, in, c.release)
}

func (c *Control) release(ctx context.Context, in spec.ReleaseInput) (spec.ReleaseResult, error) {
	return artifact.Flip(ctx, c.Store, in.Channel, in.Candidate, in.Decision)
}
