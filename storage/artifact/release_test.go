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

func TestAChannelFlipsForthAndBack(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		a, b := candidate(t, store, "a"), candidate(t, store, "b")
		_, err := artifact.Current(t.Context(), store, "stable")
		requireKind(t, fault.NotFound, err)
		for _, step := range []struct {
			to, previous spec.ArtifactRef
			minute       int
		}{{a, spec.ArtifactRef{}, 1}, {b, a, 2}, {a, b, 3}} {
			result, err := artifact.Flip(t.Context(), store, "stable", step.to, approve(step.to, step.minute))
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
	first, err := artifact.Flip(t.Context(), store, "stable", a, approve(a, 1))
	require.NoError(t, err)
	again, err := artifact.Flip(t.Context(), store, "stable", a, approve(a, 2))
	require.NoError(t, err)
	require.Equal(t, first, again)
	second, err := artifact.Flip(t.Context(), store, "stable", b, approve(b, 3))
	require.NoError(t, err)
	late, err := artifact.Flip(t.Context(), store, "stable", a, approve(a, 1)) // a retry that comes after the next flip
	require.NoError(t, err)
	require.Equal(t, first, late)
	release, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Equal(t, second.Current, release.Current().Digest)
	require.Len(t, release.Changes, 2)
}

func TestRacingFlipsHaveOneOrder(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		const racers = 10
		results := make([]spec.ReleaseResult, racers)
		errs := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			ref := candidate(t, store, fmt.Sprint(i))
			group.Go(func() { results[i], errs[i] = artifact.Flip(t.Context(), store, "stable", ref, approve(ref, i)) })
		}
		group.Wait()
		release, err := artifact.Current(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Len(t, release.Changes, racers)
		for i, result := range results {
			require.NoError(t, errs[i])
			at := -1
			for j, change := range release.Changes {
				if change.To.Digest == result.Current {
					at = j
				}
			}
			require.GreaterOrEqual(t, at, 0)
			if at == 0 {
				require.Empty(t, result.Previous)
			} else {
				require.Equal(t, release.Changes[at-1].To.Digest, result.Previous)
			}
		}
	})
}

func TestALostAnswerToAFlipIsLookedUp(t *testing.T) {
	for n := 1; ; n++ {
		for _, failure := range []faulty.Fault{{Before: faulty.Unavailable()}, {After: faulty.Unavailable()}} {
			inner := mem.New()
			a, b := candidate(t, inner, "a"), candidate(t, inner, "b")
			_, err := artifact.Flip(t.Context(), inner, "stable", a, approve(a, 1))
			require.NoError(t, err)
			shaky := faulty.New(inner, faulty.Once(n, failure))
			result, err := artifact.Flip(t.Context(), shaky, "stable", b, approve(b, 2))
			if err != nil {
				requireKind(t, fault.Transient, err)
				result, err = artifact.Flip(t.Context(), shaky, "stable", b, approve(b, 2))
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
		_, err := artifact.Flip(t.Context(), store, test.channel, a, test.decision)
		requireKind(t, fault.Invalid, err)
		require.ErrorContains(t, err, test.says)
	}
	require.NoError(t, store.Delete(t.Context(), cas.Key(cas.BlobOf([]byte("a")).Digest)))
	_, err := artifact.Flip(t.Context(), store, "stable", a, approve(a, 1))
	requireKind(t, fault.NotFound, err)
	_, err = artifact.Current(t.Context(), store, "stable")
	requireKind(t, fault.NotFound, err)
}

func TestReleasedArtifactsAreMarked(t *testing.T) {
	store := mem.New()
	a, b := candidate(t, store, "a"), candidate(t, store, "b")
	for i, ref := range []spec.ArtifactRef{a, b} {
		_, err := artifact.Flip(t.Context(), store, "stable", ref, approve(ref, i))
		require.NoError(t, err)
	}
	marks := make(cas.Marks)
	require.NoError(t, artifact.MarkReleases(t.Context(), store, marks))
	require.Len(t, marks, 4, "two manifests and their files, the former release as well")
	require.True(t, marks.Has(a.Digest))
}
