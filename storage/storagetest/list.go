package storagetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/storage"
)

func list(t *testing.T, s storage.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(t.Context(), prefix) {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

func listOrder(t *testing.T, s storage.Store) {
	keys := []string{"B", "a/1", "a/10", "a/2", "a/b/c", "a0", "aB", "ab", "b"}
	for _, i := range []int{7, 2, 0, 4, 6, 1, 8, 3, 5} {
		put(t, s, keys[i], fmt.Sprintf("%0*d", i+1, i))
	}
	require.Equal(t, keys, list(t, s, ""))
	require.Equal(t, []string{"a/1", "a/10", "a/2", "a/b/c"}, list(t, s, "a/"))
	require.Equal(t, []string{"a/1", "a/10"}, list(t, s, "a/1"))
	require.Equal(t, []string{"a/b/c"}, list(t, s, "a/b/"))
	for info, err := range s.List(t.Context(), "a/10") {
		require.NoError(t, err)
		looked, err := s.Stat(t.Context(), "a/10")
		require.NoError(t, err)
		require.Equal(t, looked.ETag, info.ETag)
		require.Equal(t, int64(3), info.SizeBytes)
		require.False(t, info.Modified.IsZero())
	}
}

// listFolders tells a listing by keys from a walk through folders: '-' and '.' come before '/', digits after it.
func listFolders(t *testing.T, s storage.Store) {
	keys := []string{"a-b/1", "a.b", "a/1", "a/b", "a0"}
	for _, i := range []int{3, 1, 4, 0, 2} {
		put(t, s, keys[i], "x")
	}
	require.Equal(t, keys, list(t, s, ""))
}

func listMany(t *testing.T, s storage.Store) {
	const many = 1100 // more than the 1000 of a page
	var want []string
	for i := range many {
		want = append(want, fmt.Sprintf("many/%05d", i))
	}
	errs := make([]error, racers)
	race(func(worker int) {
		for i := worker; i < many && errs[worker] == nil; i += racers {
			_, errs[worker] = storage.PutBytes(t.Context(), s, want[i], []byte("x"), storage.IfAbsent())
		}
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	put(t, s, "manz", "after them")
	require.Equal(t, want, list(t, s, "many/"))
}

func listNothing(t *testing.T, s storage.Store) {
	require.Empty(t, list(t, s, ""))
	put(t, s, "a/b", "x")
	require.Empty(t, list(t, s, "a/b/"))
	require.Empty(t, list(t, s, "z"))
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	require.Empty(t, list(t, s, ""))
}

func listStop(t *testing.T, s storage.Store) {
	for _, key := range []string{"a", "b", "c"} {
		put(t, s, key, "x")
	}
	var seen []string
	for info, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		seen = append(seen, info.Key)
		if len(seen) == 2 {
			break
		}
	}
	require.True(t, slices.Equal(seen, []string{"a", "b"}))
}
