package artifact

import (
	"context"
	"slices"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// Served gives what the channel serves or served that has these first digits, each once, the newest first.
func (r Release) Served(digits string) []spec.ArtifactRef {
	var served []spec.ArtifactRef
	for _, change := range slices.Backward(r.Changes) {
		if !change.To.IsZero() && strings.HasPrefix(string(change.To.Digest), digits) && !slices.Contains(served, change.To) {
			served = append(served, change.To)
		}
	}
	return served
}

// Before gives what the channel served before it came to serve what it does now. It goes back as an undo does: after a
// return, what was left behind by it is not what was before.
func (r Release) Before() (spec.ArtifactRef, bool) {
	var line []spec.ArtifactRef
	for _, change := range r.Changes {
		if change.To.IsZero() { // there is nothing before nothing
			line = line[:0]
			continue
		}
		at := slices.Index(line, change.To)
		if change.Back && at >= 0 {
			line = line[:at]
		}
		line = append(line, change.To)
	}
	if len(line) < 2 {
		return spec.ArtifactRef{}, false
	}
	return line[len(line)-2], true
}

// Back points a channel from what it serves to something that it served before. It was approved then; the decision
// records who goes back now, and why. Nothing is changed when the channel serves something else than from by now (Conflict:
// whoever decided has looked at another state), when it never served to (Invalid), or when a part of to is gone (NotFound).
func Back(ctx context.Context, store storage.Store, channel string, from spec.Digest, to spec.ArtifactRef, decision spec.Decision) (spec.ReleaseResult, error) {
	if err := checkFlip(channel, to, decision); err != nil {
		return spec.ReleaseResult{}, err
	}
	if strings.TrimSpace(decision.Reason) == "" {
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "go back on channel %q: expected a reason", channel)
	}
	release, _, err := readRelease(ctx, store, channel)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	served := slices.IndexFunc(release.Changes, func(c Change) bool { return c.To == to })
	switch {
	case served < 0:
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "go back on channel %q: candidate %s was never approved for it",
			channel, to.Digest.Short())
	case from == to.Digest && release.Current() == to:
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "go back on channel %q: it serves candidate %s already", channel, to.Digest.Short())
	}
	return move(ctx, store, channel, from, Change{
		To: to, Decision: decision, Approval: release.Changes[served].Approval, Smoke: release.Smoke(to.Digest), Back: true,
	})
}

// Stop makes a channel serve nothing, for a candidate that turns out bad and has none before it. The decision rejects what
// it serves.
func Stop(ctx context.Context, store storage.Store, channel string, decision spec.Decision) (spec.ReleaseResult, error) {
	if err := checkChannel(channel); err != nil {
		return spec.ReleaseResult{}, err
	}
	if err := decision.Check(); err != nil {
		return spec.ReleaseResult{}, err
	}
	if decision.Verdict != spec.Rejected || strings.TrimSpace(decision.Reason) == "" {
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "stop channel %q: expected a rejection with a reason", channel)
	}
	return move(ctx, store, channel, decision.Candidate, Change{Decision: decision, Back: true})
}
