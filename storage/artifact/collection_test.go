package artifact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/mem"
)

func refOf(kind spec.ArtifactKind, digit string) spec.ArtifactRef {
	return spec.ArtifactRef{Kind: kind, Digest: spec.Digest(strings.Repeat(digit, 64)), SizeBytes: 1}
}

func TestCollectionPointsToWhatWasSaidLast(t *testing.T) {
	store := mem.New()
	pairs := []spec.ArtifactRef{refOf(spec.KindPairs, "1")}
	opened := artifact.Collection{Run: "cough", Origin: "first", Pairs: pairs}
	require.NoError(t, artifact.OpenCollection(t.Context(), store, opened))
	require.NoError(t, artifact.OpenCollection(t.Context(), store, opened), "a second attempt")
	other := opened
	other.Origin = "second"
	err := artifact.OpenCollection(t.Context(), store, other)
	require.True(t, fault.Is(err, fault.Conflict))
	require.ErrorContains(t, err, "the store holds a collection cough already")

	one := spec.StoredJudgements{Head: refOf(spec.KindJudgements, "2"), Count: 100}
	two := spec.StoredJudgements{Head: refOf(spec.KindJudgements, "3"), Count: 150}
	more := []spec.ArtifactRef{pairs[0], refOf(spec.KindPairs, "5")}
	advance := func(pairs []spec.ArtifactRef, stored spec.StoredJudgements, result spec.ArtifactRef) artifact.Collection {
		t.Helper()
		require.NoError(t, artifact.AdvanceCollection(t.Context(), store, "cough", pairs, stored, result))
		c, err := artifact.FindCollection(t.Context(), store, "cough")
		require.NoError(t, err)
		return c
	}
	require.Equal(t, one, advance(pairs, one, spec.ArtifactRef{}).Stored)
	require.Equal(t, two, advance(more, two, spec.ArtifactRef{}).Stored)
	require.Equal(t, two, advance(more, one, spec.ArtifactRef{}).Stored, "an attempt that was given up wakes up")
	require.Equal(t, more, advance(pairs, two, spec.ArtifactRef{}).Pairs)
	result := refOf(spec.KindPreferences, "4")
	require.Equal(t, result, advance(more, two, result).Result)
	last := advance(more, two, spec.ArtifactRef{})
	require.Equal(t, artifact.Collection{Run: "cough", Origin: "first", Pairs: more, Stored: two, Result: result}, last)

	all, err := artifact.Collected(t.Context(), store)
	require.NoError(t, err)
	require.Equal(t, []spec.ArtifactRef{two.Head, result, more[0], more[1]}, all)

	_, err = storage.PutBytes(t.Context(), store, "preferences/torn.json", []byte("{"), storage.Always())
	require.NoError(t, err)
	_, err = artifact.Collected(t.Context(), store)
	require.True(t, fault.Is(err, fault.Corrupt), "what a pointer needs cannot be known when it cannot be read")
	_, err = artifact.FindCollection(t.Context(), store, "nobody")
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = artifact.FindCollection(t.Context(), store, "../x")
	require.True(t, fault.Is(err, fault.Invalid))
}
