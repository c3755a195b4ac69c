package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// flipTries bounds how often a flip starts over because another one came between; each time, some flip succeeded.
const flipTries = 100

// Release is the pointer of a channel: what it serves, and everything it served before.
type Release struct {
	Channel string   `json:"channel"`
	Changes []Change `json:"changes"` // oldest first, never empty; the last one holds
}

// Change is one flip of the pointer and the decision behind it.
type Change struct {
	To       spec.ArtifactRef `json:"to"`
	Decision spec.Decision    `json:"decision"`
	Back     bool             `json:"back,omitempty"` // a return to what the channel had served before
}

// Current is what the channel serves.
func (r Release) Current() spec.ArtifactRef { return r.Changes[len(r.Changes)-1].To }

// ReleaseKey gives the object key of a channel's pointer.
func ReleaseKey(channel string) string { return "releases/" + channel + ".json" }

// result describes the i-th change.
func (r Release) result(i int) spec.ReleaseResult {
	result := spec.ReleaseResult{Channel: r.Channel, Current: r.Changes[i].To.Digest, Key: ReleaseKey(r.Channel)}
	if i > 0 {
		result.Previous = r.Changes[i-1].To.Digest
	}
	return result
}

// find gives the change that a decision led to. A decision is made once, so it is known by its time as well.
func (r Release) find(to spec.ArtifactRef, decision spec.Decision) (int, bool) {
	last := len(r.Changes) - 1
	if last >= 0 && r.Changes[last].To.Digest == to.Digest {
		return last, true
	}
	if decision.DecidedAt.IsZero() {
		return 0, false
	}
	for i := last; i >= 0; i-- {
		made := r.Changes[i]
		if made.To.Digest == to.Digest && made.Decision.Reviewer == decision.Reviewer && made.Decision.DecidedAt.Equal(decision.DecidedAt) {
			return i, true
		}
	}
	return 0, false
}

// Flip points the channel to an approved candidate. The decision must be an approval of exactly this
// candidate, and the candidate must be there. Flips of one channel happen one after another whoever makes them.
// Flipping to what the channel serves already changes nothing; nor does repeating a flip whose decision was carried
// out before (a retry after a lost answer), even when another flip followed.
func Flip(ctx context.Context, store storage.Store, channel string, to spec.ArtifactRef, decision spec.Decision) (spec.ReleaseResult, error) {
	if err := checkFlip(channel, to, decision); err != nil {
		return spec.ReleaseResult{}, err
	}
	there, err := Exists(ctx, store, to)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	if !there {
		return spec.ReleaseResult{}, fault.New(fault.NotFound, "release to channel %q: %s artifact %s is missing or incomplete",
			channel, to.Kind, to.Digest.Short())
	}
	for range flipTries {
		result, err := flipOnce(ctx, store, channel, to, decision)
		if err == nil || !fault.Is(err, fault.Conflict) {
			return result, err
		}
	}
	return spec.ReleaseResult{}, fault.New(fault.Transient, "release to channel %q: the pointer changed under %d tries", channel, flipTries)
}

func checkFlip(channel string, to spec.ArtifactRef, decision spec.Decision) error {
	if err := spec.RunID(channel).Check(); err != nil {
		return fault.New(fault.Invalid, "release channel %q: expected 1-64 of a-z, 0-9 and '-'", channel)
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

// flipOnce answers Conflict when another flip came between reading and writing.
func flipOnce(ctx context.Context, store storage.Store, channel string, to spec.ArtifactRef, decision spec.Decision) (spec.ReleaseResult, error) {
	release, condition, err := readRelease(ctx, store, channel)
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	if i, done := release.find(to, decision); done {
		return release.result(i), nil
	}
	release.Changes = append(release.Changes, Change{To: to, Decision: decision})
	return release.write(ctx, store, condition)
}

// write replaces the pointer by one with a new last change. A conflict or a lost answer is an unknown outcome; finding
// exactly these bytes is success.
func (r Release) write(ctx context.Context, store storage.Store, condition storage.Condition) (spec.ReleaseResult, error) {
	content, err := json.Marshal(r)
	if err != nil {
		return spec.ReleaseResult{}, fault.New(fault.Invalid, "release to channel %q: %w", r.Channel, err)
	}
	_, err = storage.PutBytes(ctx, store, ReleaseKey(r.Channel), content, condition)
	if fault.Is(err, fault.Transient) || fault.Is(err, fault.Conflict) {
		held, _, readErr := storage.ReadAll(ctx, store, ReleaseKey(r.Channel))
		if readErr != nil && !fault.Is(readErr, fault.NotFound) {
			return spec.ReleaseResult{}, errors.Join(err, readErr)
		}
		if bytes.Equal(held, content) {
			err = nil
		}
	}
	if err != nil {
		return spec.ReleaseResult{}, err
	}
	return r.result(len(r.Changes) - 1), nil
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
	if err := spec.RunID(channel).Check(); err != nil {
		return Release{}, fault.New(fault.Invalid, "release channel %q: expected 1-64 of a-z, 0-9 and '-'", channel)
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
	for info, err := range store.List(ctx, "releases/") {
		if err != nil {
			return nil, err
		}
		channel, found := channelOf(info.Key)
		if !found {
			continue
		}
		release, err := Current(ctx, store, channel)
		if err != nil {
			return nil, err
		}
		all = append(all, release)
	}
	return all, nil
}

// Released gives every candidate that any channel serves or served, channel by channel in the order of their keys.
func Released(ctx context.Context, store storage.Store) ([]spec.ArtifactRef, error) {
	channels, err := Channels(ctx, store)
	var all []spec.ArtifactRef
	for _, release := range channels {
		all = append(all, release.Served("")...)
	}
	return all, err
}

// channelOf is the inverse of ReleaseKey.
func channelOf(key string) (string, bool) {
	name, isPointer := strings.CutSuffix(strings.TrimPrefix(key, "releases/"), ".json")
	return name, isPointer && spec.RunID(name).Check() == nil
}
