package artifact

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

const releasesPrefix = "releases/"

// Release is the pointer of a channel: what it serves in production, and everything it served before. It is one object for
// the adapters of all audiences, so that they change in one conditional write and never come from two candidates.
type Release struct {
	Channel string   `json:"channel"`
	Changes []Change `json:"changes"` // oldest first, never empty; the last one holds
}

// Change is one flip of the pointer and the decision behind it.
type Change struct {
	To       spec.ArtifactRef `json:"to,omitzero"`       // zero: it serves nothing since
	Decision spec.Decision    `json:"decision"`          // of whoever moved the pointer
	Approval spec.ArtifactRef `json:"approval,omitzero"` // decision artifact by which the candidate may be served
	Smoke    spec.SmokePlan   `json:"smoke,omitzero"`    // what the candidate is asked after the flip
	Back     bool             `json:"back,omitempty"`    // a return to what the channel had served before
}

// Current is what the channel serves; zero when it serves nothing any more.
func (r Release) Current() spec.ArtifactRef {
	if len(r.Changes) == 0 {
		return spec.ArtifactRef{}
	}
	return r.Changes[len(r.Changes)-1].To
}

// Smoke is what a candidate that the channel serves or served is asked, as of its newest release here.
func (r Release) Smoke(candidate spec.Digest) spec.SmokePlan {
	for _, change := range slices.Backward(r.Changes) {
		if change.To.Digest == candidate && !change.Smoke.IsZero() {
			return change.Smoke
		}
	}
	return spec.SmokePlan{}
}

// ReleaseKey gives the object key of a channel's pointer.
func ReleaseKey(channel string) string { return releasesPrefix + channel + ".json" }

// Last describes the change that holds. There must be one.
func (r Release) Last() spec.ReleaseResult { return r.result(len(r.Changes) - 1) }

// result describes the i-th change.
func (r Release) result(i int) spec.ReleaseResult {
	result := spec.ReleaseResult{Channel: r.Channel, Current: r.Changes[i].To.Digest, Key: ReleaseKey(r.Channel)}
	if i > 0 {
		result.Previous = r.Changes[i-1].To.Digest
	}
	return result
}

// find gives the change that was asked for. A decision is made once, so it is known by who made it and when.
func (r Release) find(change Change) (int, bool) {
	if change.Decision.DecidedAt.IsZero() {
		return 0, false
	}
	for i, made := range slices.Backward(r.Changes) {
		if made.To.Digest == change.To.Digest && made.Back == change.Back &&
			made.Decision.Reviewer == change.Decision.Reviewer && made.Decision.DecidedAt.Equal(change.Decision.DecidedAt) {
			return i, true
		}
	}
	return 0, false
}

// Flip points the channel from what it is known to serve ("": nothing) to an approved candidate, in one conditional write.
// The decision must be an approval of exactly this candidate, and the candidate and its parts must be there. When the
// channel serves something else by now, nothing is changed (Conflict): whoever decided has looked at another state.
// Flipping to what the channel serves already changes nothing; nor does repeating a flip that was carried out before (a
// retry after a lost answer), even when another flip followed.
func Flip(ctx context.Context, store storage.Store, channel string, from spec.Digest, change Change) (spec.ReleaseResult, error) {
	change.Back = false
	if err := checkFlip(channel, change.To, change.Decision); err != nil {
		return spec.ReleaseResult{}, err
	}
	return move(ctx, store, channel, from, change)
}

func checkFlip(channel string, to spec.ArtifactRef, decision spec.Decision) error {
	if err := checkChannel(channel); err != nil {
		return err
	}
	if err := decision.Check(); err != nil {
		return err
	}
	if decision.Verdict != spec.Approved {
		return fault.New(fault.Invalid, "release to channel %q: the decision of %s is %s", channel, decision.Reviewer, decision.Verdict)
	}
	if decision.Candidate != to.Digest {
		return fault.New(fault.Invalid, "release to channel %q: %s approved %s, not %s",
			channel, decision.Reviewer, decision.Candidate.Short(), to.Digest.Short())
	}
	return nil
}

func checkChannel(channel string) error {
	if err := spec.RunID(channel).Check(); err != nil {
		return fault.New(fault.Invalid, "release channel %q: expected 1-64 of a-z, 0-9 and '-'", channel)
	}
	return nil
}

// move carries a change out where the channel serves what is expected.
func move(ctx context.Context, store storage.Store, channel string, from spec.Digest, change Change) (spec.ReleaseResult, error) {
	release, condition, err := readRelease(ctx, store, channel)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	if i, done := release.find(change); done {
		return release.result(i), nil
	}
	switch current := release.Current(); {
	case len(release.Changes) > 0 && current.Digest == change.To.Digest && !change.Back:
		return release.Last(), nil
	case current.Digest != from:
		return spec.ReleaseResult{}, moved(release, from)
	}
	if !change.To.IsZero() {
		if err := checkWhole(ctx, store, change.To); err != nil {
			return spec.ReleaseResult{}, err
		}
	}
	release.Changes = append(release.Changes, change)
	result, err := release.write(ctx, store, condition)
	if !fault.Is(err, fault.Conflict) {
		return result, err
	}
	if release, _, err = readRelease(ctx, store, channel); err != nil { // another one came between
		return spec.ReleaseResult{}, err
	}
	return spec.ReleaseResult{}, moved(release, from)
}

// moved tells what the channel serves by now, and by whose word.
func moved(release Release, from spec.Digest) error {
	serves, expected := "nothing", "nothing"
	if current := release.Current(); !current.IsZero() {
		serves = "candidate " + current.Digest.Short() + " by the word of " + release.Changes[len(release.Changes)-1].Decision.Signers()
	}
	if from != "" {
		expected = from.Short()
	}
	return fault.New(fault.Conflict, "channel %q serves %s by now, not %s", release.Channel, serves, expected)
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

// write replaces the pointer by one with a new last change.
func (r Release) write(ctx context.Context, store storage.Store, condition storage.Condition) (spec.ReleaseResult, error) {
	content, err := json.Marshal(r)
	if err != nil {
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "release to channel %q: %w", r.Channel, err)
	}
	if _, err := storage.Replace(ctx, store, ReleaseKey(r.Channel), content, condition); err != nil {
		return spec.ReleaseResult{}, err
	}
	return r.Last(), nil
}

func readRelease(ctx context.Context, store storage.Store, channel string) (Release, storage.Condition, error) {
	content, info, err := storage.ReadAll(ctx, store, ReleaseKey(channel))
	if fault.Is(err, fault.NotFound) {
		return Release{Channel: channel}, storage.IfAbsent(), nil
	}
	if err != nil {
		return Release{}, storage.Condition{}, err
	}
	var release Release
	if err := json.Unmarshal(content, &release); err != nil {
		return Release{}, storage.Condition{}, fault.New(fault.Corrupt, "read release pointer %q: %w", ReleaseKey(channel), err)
	}
	if release.Channel != channel || len(release.Changes) == 0 {
		return Release{}, storage.Condition{}, fault.New(fault.Corrupt, "release pointer %q does not belong to channel %q",
			ReleaseKey(channel), channel)
	}
	return release, storage.IfMatch(info.ETag), nil
}

// Current reads the pointer of a channel; NotFound when nothing was released to it yet.
func Current(ctx context.Context, store storage.Store, channel string) (Release, error) {
	if err := checkChannel(channel); err != nil {
		return Release{}, err
	}
	release, _, err := readRelease(ctx, store, channel)
	if err == nil && len(release.Changes) == 0 {
		return Release{}, fault.New(fault.NotFound, "nothing was released to channel %q yet", channel)
	}
	return release, err
}

// Channels gives the pointer of every channel in the order of their keys.
func Channels(ctx context.Context, store storage.Store) ([]Release, error) {
	var all []Release
	for channel, err := range pointers(ctx, store, releasesPrefix) {
		if err != nil {
			return nil, err
		}
		release, err := Current(ctx, store, channel)
		if err != nil {
			return nil, err
		}
		all = append(all, release)
	}
	return all, nil
}

// Released gives every candidate that any channel serves, served or is offered, with the decisions behind them, channel by
// channel in the order of their keys.
func Released(ctx context.Context, store storage.Store) ([]spec.ArtifactRef, error) {
	releases, err := Channels(ctx, store)
	if err != nil {
		return nil, err
	}
	var all []spec.ArtifactRef
	for _, release := range releases {
		all = append(all, release.Served("")...)
		for _, change := range release.Changes {
			if !change.Approval.IsZero() {
				all = append(all, change.Approval)
			}
		}
	}
	offers, err := offers(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, offer := range offers {
		all = append(all, offer.Candidate)
		if !offer.Decision.IsZero() {
			all = append(all, offer.Decision)
		}
	}
	return all, nil
}

// pointers lists the names, of channels, collections or adapters, that have a pointer below a prefix.
func pointers(ctx context.Context, store storage.Store, prefix string) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for info, err := range store.List(ctx, prefix) {
			name, isPointer := strings.CutSuffix(strings.TrimPrefix(info.Key, prefix), ".json")
			if err == nil && (!isPointer || spec.RunID(name).Check() != nil) {
				continue
			}
			if !yield(name, err) {
				return
			}
		}
	}
}
