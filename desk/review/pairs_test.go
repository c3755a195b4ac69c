package review

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/mem"
)

func TestSetsOfPairsAreAskedForOnlyWhereAPairIsNotKnown(t *testing.T) {
	store := mem.New()
	pairOf := func(question string) preference.Pair {
		return preference.Pair{Prompt: preference.Prompt{Text: question}, ResponseA: "Yes.", ResponseB: "No."}
	}
	var sets []spec.ArtifactRef
	for _, question := range []string{"Old?", "New?"} {
		var lines bytes.Buffer
		require.NoError(t, preference.WritePairs(&lines, []preference.Pair{pairOf(question)}))
		set, err := artifact.PublishBytes(t.Context(), store, spec.KindPairs, map[string][]byte{preference.PairsFile: lines.Bytes()}, nil, nil)
		require.NoError(t, err)
		sets = append(sets, set)
	}
	cache, asked := newPairCache(store), 0
	find := func(question string) (preference.Pair, error) {
		return cache.find(t.Context(), pairOf(question).Digest(), func() ([]spec.ArtifactRef, error) { asked++; return sets, nil })
	}
	for range 2 {
		found, err := find("New?")
		require.NoError(t, err)
		require.Equal(t, pairOf("New?").Digest(), found.Digest())
		require.Equal(t, 1, asked)
	}
	_, known := cache.known(pairOf("Old?").Digest())
	require.False(t, known, "the newest set is enough")
	_, err := find("Old?")
	require.NoError(t, err)
	require.Equal(t, 2, asked)
	_, err = find("Never?")
	require.True(t, fault.Is(err, fault.Corrupt), "%v", err)
	require.ErrorContains(t, err, "is in none of the collection's 2 sets")
}
