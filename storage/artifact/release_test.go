package artifact_test

import (
	"fmt"
	"sync"
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

func candidate(t *testing.T, store storage.Store, name string) spec.ArtifactRef {
	t.Helper()
	ref, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{"name": []byte(name)}, nil, nil)
	require.NoError(t, err)
	return ref
}

// approve is a decision of its own each time: minute tells them apart.
func approve(to spec.ArtifactRef, minute int) spec.Decision {
	return spec.Decision{Verdict: spec.Approved, Candidate: to.Digest, Reviewer: "the reviewer",
		DecidedAt: time.Date(2026, 11, 22, 12, minute, 0, 0, time.UTC)}
}

// flip releases what is approved at a minute, where the channel serves from.
func flip(t *testing.T, store storage.Store, from, to spec.ArtifactRef, minute int) (spec.ReleaseResult, error) {
	t.Helper()
	return artifact.Flip(t.Context(), store, "stable", from.Digest, artifact.Change{To: to, Decision: approve(to, minute)})
}

var nothing = spec.ArtifactRef{}

func TestAChannelFlipsForthAndBack(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		a, b := candidate(t, store, "a"), candidate(t, store, "b")
		_, err := artifact.Current(t.Context(), store, "stable")
		requireKind(t, fault.NotFound, err)
		for _, step := range []struct {
			to, previous spec.ArtifactRef
			minute       int
		}{{a, nothing, 1}, {b, a, 2}, {a, b, 3}} {
			result, err := flip(t, store, step.previous, step.to, step.minute)
			require.NoError(t, err)
			require.Equal(t, spec.ReleaseResult{Channel: "stable", Current: step.to.Digest, Previous: step.previous.Digest,
				Key: "releases/stable.json"}, result)
			release, err := artifact.Current(t.Context(), store, "stable")
			require.NoError(t, err)
			require.Equal(t, step.to, release.Current())
			require.Len(t, release.Changes, step.minute)
			require.Equal(t, approve(step.to, step.minute), release.Changes[step.minute-1].Decision)
		}
	})
}

func TestRepeatingAFlipChangesNothing(t *testing.T) {
	store := mem.New()
	a, b := candidate(t, store, "a"), candidate(t, store, "b")
	first, err := flip(t, store, nothing, a, 1)
	require.NoError(t, err)
	again, err := flip(t, store, nothing, a, 2)
	require.NoError(t, err)
	require.Equal(t, first, again)
	second, err := flip(t, store, a, b, 3)
	require.NoError(t, err)
	late, err := flip(t, store, nothing, a, 1) // a retry that comes after the next flip
	require.NoError(t, err)
	require.Equal(t, first, late)
	release, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Equal(t, second.Current, release.Current().Digest)
	require.Len(t, release.Changes, 2)
}

func TestAChannelThatMovedMeanwhileIsNotFlipped(t *testing.T) {
	store := mem.New()
	a, b := candidate(t, store, "a"), candidate(t, store, "b")
	_, err := flip(t, store, nothing, a, 1)
	require.NoError(t, err)
	_, err = flip(t, store, nothing, b, 2)
	requireKind(t, fault.Conflict, err)
	require.ErrorContains(t, err, "serves candidate "+a.Digest.Short()+" by the word of the reviewer by now, not nothing")
	_, err = flip(t, store, b, candidate(t, store, "c"), 3)
	requireKind(t, fault.Conflict, err)
	require.ErrorContains(t, err, "by now, not "+b.Digest.Short())
	release, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Len(t, release.Changes, 1)
}

func TestOfRacingFlipsOneWins(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		const racers = 10
		results := make([]spec.ReleaseResult, racers)
		errs := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			ref := candidate(t, store, fmt.Sprint(i))
			group.Go(func() { results[i], errs[i] = flip(t, store, nothing, ref, i) })
		}
		group.Wait()
		release, err := artifact.Current(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Len(t, release.Changes, 1)
		won := 0
		for i, result := range results {
			if errs[i] == nil {
				won++
				require.Equal(t, release.Current().Digest, result.Current)
				continue
			}
			requireKind(t, fault.Conflict, errs[i])
			require.ErrorContains(t, errs[i], "serves candidate "+release.Current().Digest.Short())
		}
		require.Equal(t, 1, won)
	})
}

func TestALostAnswerToAFlipIsLookedUp(t *testing.T) {
	for n := 1; ; n++ {
		for _, failure := range []faulty.Fault{{Before: faulty.Unavailable()}, {After: faulty.Unavailable()}} {
			inner := mem.New()
			a, b := candidate(t, inner, "a"), candidate(t, inner, "b")
			_, err := flip(t, inner, nothing, a, 1)
			require.NoError(t, err)
			shaky := faulty.New(inner, faulty.Once(n, failure))
			result, err := flip(t, shaky, a, b, 2)
			if err != nil {
				requireKind(t, fault.Transient, err)
				result, err = flip(t, shaky, a, b, 2)
				require.NoError(t, err)
			}
			require.Equal(t, a.Digest, result.Previous)
			release, err := artifact.Current(t.Context(), inner, "stable")
			require.NoError(t, err)
			require.Len(t, release.Changes, 2)
			if n > len(shaky.Ops()) {
				return
			}
		}
	}
}

func TestOnlyAnApprovedWholeCandidateIsReleased(t *testing.T) {
	store := mem.New()
	a, b := candidate(t, store, "a"), candidate(t, store, "b")
	rejected := approve(a, 1)
	rejected.Verdict = spec.Rejected
	nobody := approve(a, 1)
	nobody.Reviewer = " "
	for _, test := range []struct {
		channel  string
		decision spec.Decision
		says     string
	}{
		{"stable", rejected, "the decision of the reviewer is rejected"},
		{"stable", approve(b, 1), "approved " + b.Digest.Short() + ", not " + a.Digest.Short()},
		{"stable", nobody, "reviewer's name"},
		{"../stable", approve(a, 1), "release channel"},
	} {
		_, err := artifact.Flip(t.Context(), store, test.channel, "", artifact.Change{To: a, Decision: test.decision})
		requireKind(t, fault.Invalid, err)
		require.ErrorContains(t, err, test.says)
	}
	require.NoError(t, store.Delete(t.Context(), cas.Key(cas.BlobOf([]byte("a")).Digest)))
	_, err := flip(t, store, nothing, a, 1)
	requireKind(t, fault.NotFound, err)
	_, err = artifact.Current(t.Context(), store, "stable")
	requireKind(t, fault.NotFound, err)
}

func TestReleasedArtifactsAreMarked(t *testing.T) {
	store := mem.New()
	a, b := candidate(t, store, "a"), candidate(t, store, "b")
	_, err := flip(t, store, nothing, a, 1)
	require.NoError(t, err)
	_, err = flip(t, store, a, b, 2)
	require.NoError(t, err)
	marks := make(cas.Marks)
	mark := func() {
		released, err := artifact.Released(t.Context(), store)
		require.NoError(t, err)
		require.NoError(t, artifact.Mark(t.Context(), store, marks, released...))
	}
	mark()
	require.Len(t, marks, 4, "two manifests and their files, the former release as well")
	require.True(t, marks.Has(a.Digest))

	c := candidate(t, store, "c")
	word, err := artifact.PublishBytes(t.Context(), store, spec.KindDecision, map[string][]byte{"decision.json": []byte("{}")}, []spec.Digest{c.Digest}, nil)
	require.NoError(t, err)
	require.NoError(t, artifact.PutOffer(t.Context(), store, artifact.Offer{Channel: "stable", Run: "run-1", Candidate: c, Decision: word}))
	mark()
	require.Len(t, marks, 8, "and what is offered, with the word on it")
}
