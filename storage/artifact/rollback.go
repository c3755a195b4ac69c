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
		if strings.HasPrefix(string(change.To.Digest), digits) && !slices.Contains(served, change.To) {
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
func Back(ctx context.Context, store storage.Store, channel string, from, to spec.ArtifactRef, decision spec.Decision) (spec.ReleaseResult, error) {
	if err := checkFlip(channel, to, decision); err != nil {
		return spec.ReleaseResult{}, err
	}
	if strings.TrimSpace(decision.Reason) == "" {
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "go back on channel %q: expected a reason", channel)
	}
	release, condition, err := readRelease(ctx, store, channel)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	switch {
	case !slices.Contains(release.Served(string(to.Digest)), to):
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "go back on channel %q: candidate %s was never approved for it",
			channel, to.Digest.Short())
	case release.Current() != from:
		return spec.ReleaseResult{}, moved(release, from)
	case from == to:
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "go back on channel %q: it serves candidate %s already", channel, to.Digest.Short())
	}
	if err := checkWhole(ctx, store, to); err != nil {
		return spec.ReleaseResult{}, err
	}
	release.Changes = append(release.Changes, Change{To: to, Decision: decision, Back: true})
	result, err := release.write(ctx, store, condition)
	if fault.Is(err, fault.Conflict) {
		if release, err = Current(ctx, store, channel); err == nil {
			err = moved(release, from)
		}
	}
	return result, err
}

func moved(release Release, from spec.ArtifactRef) error {
	return fault.New(fault.Conflict, "go back on channel %q: it serves candidate %s by now, not %s",
		release.Channel, release.Current().Digest.Short(), from.Digest.Short())
}

// checkWhole makes sure that a candidate and what it is made of (base, adapters, report) are still there.
func checkWhole(ctx context.Context, store storage.Store, to spec.ArtifactRef) error {
	manifest, err := Load(ctx, store, to)
	if err != nil {
		return err
	}
	for _, part := range append([]spec.Digest{to.Digest}, manifest.Inputs...) {
		there, err := Exists(ctx, store, spec.ArtifactRef{Digest: part})
		if err != nil {
			return err
		}
		if !there {
			return fault.New(fault.NotFound, "candidate %s cannot be served: artifact %s of it is missing or incomplete",
				to.Digest.Short(), part.Short())
		}
	}
	return nil
}
