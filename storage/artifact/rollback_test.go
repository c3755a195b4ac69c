package artifact_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/faulty"
	"elara/storage/mem"
)

// released gives a channel that served these candidates, one after another.
func released(t *testing.T, store storage.Store, names ...string) []spec.ArtifactRef {
	t.Helper()
	refs := make([]spec.ArtifactRef, len(names))
	for i, name := range names {
		refs[i] = candidate(t, store, name)
		before := nothing
		if i > 0 {
			before = refs[i-1]
		}
		_, err := flip(t, store, before, refs[i], i)
		require.NoError(t, err)
	}
	return refs
}

// returning is the word of somebody who goes back.
func returning(to spec.ArtifactRef, minute int) spec.Decision {
	decision := approve(to, minute)
	decision.Reason = "misses red flags"
	return decision
}

func TestAChannelGoesBackAndTellsWhoAndWhy(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		refs := released(t, store, "a", "b", "c")
		result, err := artifact.Back(t.Context(), store, "stable", refs[2].Digest, refs[0], returning(refs[0], 10))
		require.NoError(t, err)
		require.Equal(t, spec.ReleaseResult{Channel: "stable", Current: refs[0].Digest, Previous: refs[2].Digest, Key: "releases/stable.json"}, result)

		release, err := artifact.Current(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Equal(t, refs[0], release.Current())
		require.Len(t, release.Changes, 4)
		require.Equal(t, artifact.Change{To: refs[0], Decision: returning(refs[0], 10), Back: true}, release.Changes[3])
		require.Equal(t, []spec.ArtifactRef{refs[0], refs[2], refs[1]}, release.Served(""))
	})
}

func TestGoingBackTwiceGoesFurtherBackAndNotForthAgain(t *testing.T) {
	store := mem.New()
	refs := released(t, store, "a", "b", "c")
	before := func() (spec.ArtifactRef, bool) {
		release, err := artifact.Current(t.Context(), store, "stable")
		require.NoError(t, err)
		return release.Before()
	}
	for i, want := range []int{1, 0} {
		to, found := before()
		require.True(t, found)
		require.Equal(t, refs[want], to)
		_, err := artifact.Back(t.Context(), store, "stable", refs[want+1].Digest, to, returning(to, 10+i))
		require.NoError(t, err)
	}
	_, found := before()
	require.False(t, found, "a was the first")

	d := candidate(t, store, "d")
	_, err := flip(t, store, refs[0], d, 20)
	require.NoError(t, err)
	to, found := before()
	require.True(t, found)
	require.Equal(t, refs[0], to, "what was served before d")
}

func TestGoingBackIsRefusedWhereNobodyApprovedOrLooked(t *testing.T) {
	store := mem.New()
	refs := released(t, store, "a", "b")
	never := candidate(t, store, "never released")
	nameless, silent := returning(refs[0], 9), returning(refs[0], 9)
	nameless.Reviewer, silent.Reason = " ", " "
	for _, test := range []struct {
		from, to spec.ArtifactRef
		decision spec.Decision
		kind     fault.Kind
		says     string
	}{
		{refs[1], never, returning(never, 9), fault.Invalid, "was never approved for it"},
		{refs[0], refs[0], returning(refs[0], 9), fault.Conflict, "serves candidate " + refs[1].Digest.Short() + " by the word of the reviewer by now"},
		{refs[1], refs[1], returning(refs[1], 9), fault.Invalid, "already"},
		{refs[1], refs[0], nameless, fault.Invalid, "reviewer's name"},
		{refs[1], refs[0], silent, fault.Invalid, "expected a reason"},
		{refs[1], refs[0], returning(refs[1], 9), fault.Invalid, "approved " + refs[1].Digest.Short()},
	} {
		_, err := artifact.Back(t.Context(), store, "stable", test.from.Digest, test.to, test.decision)
		requireKind(t, test.kind, err)
		require.ErrorContains(t, err, test.says)
	}
	_, err := artifact.Back(t.Context(), store, "other", refs[1].Digest, refs[0], returning(refs[0], 9))
	requireKind(t, fault.Invalid, err)
	release, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Len(t, release.Changes, 2)
}

func TestGoingBackNeedsAllThatTheCandidateIsMadeOf(t *testing.T) {
	store := mem.New()
	adapter, err := artifact.PublishBytes(t.Context(), store, spec.KindAdapter, map[string][]byte{"weights": []byte("w")}, nil, nil)
	require.NoError(t, err)
	old, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{"name": []byte("old")}, []spec.Digest{adapter.Digest}, nil)
	require.NoError(t, err)
	_, err = flip(t, store, nothing, old, 1)
	require.NoError(t, err)
	now := candidate(t, store, "now")
	_, err = flip(t, store, old, now, 2)
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), cas.Key(cas.BlobOf([]byte("w")).Digest)))

	_, err = artifact.Back(t.Context(), store, "stable", now.Digest, old, returning(old, 3))
	requireKind(t, fault.NotFound, err)
	require.ErrorContains(t, err, "artifact "+adapter.Digest.Short()+" of it is missing")
	release, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Equal(t, now, release.Current())
}

func TestAChannelIsStoppedWhereNothingWasBefore(t *testing.T) {
	store := mem.New()
	refs := released(t, store, "a")
	word := spec.Decision{Verdict: spec.Rejected, Candidate: refs[0].Digest, Reviewer: "the smoke check", Reason: "says nothing", DecidedAt: time.Unix(9, 0).UTC()}
	for range 2 { // a retry changes nothing
		result, err := artifact.Stop(t.Context(), store, "stable", word)
		require.NoError(t, err)
		require.Equal(t, spec.ReleaseResult{Channel: "stable", Previous: refs[0].Digest, Key: "releases/stable.json"}, result)
	}
	release, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.True(t, release.Current().IsZero())
	require.Len(t, release.Changes, 2)
	require.Equal(t, refs, release.Served(""))
	_, found := release.Before()
	require.False(t, found)

	b := candidate(t, store, "b")
	_, err = flip(t, store, refs[0], b, 10)
	requireKind(t, fault.Conflict, err)
	require.ErrorContains(t, err, "serves nothing by now")
	_, err = flip(t, store, nothing, b, 11)
	require.NoError(t, err)
	release, err = artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	_, found = release.Before()
	require.False(t, found, "what was stopped is not gone back to by itself")
	_, err = artifact.Back(t.Context(), store, "stable", b.Digest, refs[0], returning(refs[0], 12))
	require.NoError(t, err, "by name it is")
}

// TestALostAnswerOnTheWayBackIsLookedUp lets every operation fail once, before and after it took place: the channel is
// back, or it is not and the error says so; never twice.
func TestALostAnswerOnTheWayBackIsLookedUp(t *testing.T) {
	for n := 1; ; n++ {
		for _, failure := range []faulty.Fault{
			{Before: faulty.Unavailable()}, {After: faulty.Unavailable()}, {After: fault.New(fault.Conflict, "it was changed")},
		} {
			inner := mem.New()
			refs := released(t, inner, "a", "b")
			shaky := faulty.New(inner, faulty.Once(n, failure))
			_, err := artifact.Back(t.Context(), shaky, "stable", refs[1].Digest, refs[0], returning(refs[0], 9))
			release, readErr := artifact.Current(t.Context(), inner, "stable")
			require.NoError(t, readErr)
			if err == nil {
				require.Len(t, release.Changes, 3)
				require.Equal(t, refs[0], release.Current())
			} else {
				require.Len(t, release.Changes, 2)
			}
			if n > len(shaky.Ops()) {
				return
			}
		}
	}
}

// TestAReleaseThatComesBetweenStopsTheWayBack lets a release come between the look and the write.
func TestAReleaseThatComesBetweenStopsTheWayBack(t *testing.T) {
	inner := mem.New()
	refs := released(t, inner, "a", "b")
	newer := candidate(t, inner, "newer")
	between := &interloper{Store: inner, act: func() {
		_, err := flip(t, inner, refs[1], newer, 5)
		require.NoError(t, err)
	}}
	_, err := artifact.Back(t.Context(), between, "stable", refs[1].Digest, refs[0], returning(refs[0], 9))
	requireKind(t, fault.Conflict, err)
	require.ErrorContains(t, err, "serves candidate "+newer.Digest.Short()+" by the word of the reviewer by now, not "+refs[1].Digest.Short())
	release, err := artifact.Current(t.Context(), inner, "stable")
	require.NoError(t, err)
	require.Equal(t, newer, release.Current())
}

// interloper acts once, right before the first write.
type interloper struct {
	storage.Store
	act func()
}

func (i *interloper) Put(ctx context.Context, key string, body io.ReadSeeker, condition storage.Condition) (storage.Info, error) {
	if i.act != nil {
		act := i.act
		i.act = nil
		act()
	}
	return i.Store.Put(ctx, key, body, condition)
}
