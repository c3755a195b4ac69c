package storagetest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
)

// Run checks the whole contract. open gives an empty store; it is called once per test and cleans up after itself.
func Run(t *testing.T, open func(t *testing.T) storage.Store) {
	tests := []struct {
		behaviour string
		check     func(t *testing.T, s storage.Store)
	}{
		{"what was put is read back whole", readBack},
		{"a put replaces what was there", overwrite},
		{"an empty object is an object", emptyBody},
		{"a body of 20 MB survives", largeBody},
		{"a body is read from its current position", bodyFromPosition},
		{"a missing object is NotFound", missing},
		{"deleting twice is no error", deleteTwice},
		{"IfAbsent refuses what exists", ifAbsent},
		{"IfMatch refuses what has changed", ifMatch},
		{"IfMatch refuses what is gone", ifMatchGone},
		{"one of 16 racing IfAbsent puts wins", raceAbsent},
		{"one of 16 racing IfMatch puts wins", raceMatch},
		{"16 counters that race under IfMatch lose no count", raceCount},
		{"a reader never sees a part of an object", neverTorn},
		{"listing yields the prefix in byte order", listOrder},
		{"listing sorts a folder where its slash belongs", listFolders},
		{"listing yields more than 1000 objects", listMany},
		{"listing nothing yields nothing", listNothing},
		{"listing may stop early", listStop},
		{"keys may hold spaces, signs and any script", oddKeys},
		{"the longest keys can be written and replaced", longKeys},
		{"bad keys are Invalid everywhere", badKeys},
		{"a cancelled context stops every operation", cancelled},
		{"the probe passes", probe},
	}
	for _, test := range tests {
		t.Run(test.behaviour, func(t *testing.T) { test.check(t, open(t)) })
	}
}

func put(t *testing.T, s storage.Store, key, content string) storage.Info {
	t.Helper()
	info, err := storage.PutBytes(t.Context(), s, key, []byte(content), storage.Always())
	require.NoError(t, err)
	return info
}

func read(t *testing.T, s storage.Store, key string) (string, storage.Info) {
	t.Helper()
	content, info, err := storage.ReadAll(t.Context(), s, key)
	require.NoError(t, err)
	return string(content), info
}

func requireKind(t *testing.T, kind fault.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, fault.KindOf(err), "%v", err)
}

func readBack(t *testing.T, s storage.Store) {
	stored := put(t, s, "runs/a/one", "first words")
	require.NotEmpty(t, stored.ETag)
	require.Equal(t, int64(11), stored.SizeBytes)
	content, info := read(t, s, "runs/a/one")
	require.Equal(t, "first words", content)
	require.Equal(t, "runs/a/one", info.Key)
	require.Equal(t, stored.ETag, info.ETag)
	require.False(t, info.Modified.IsZero())
	looked, err := s.Stat(t.Context(), "runs/a/one")
	require.NoError(t, err)
	require.Equal(t, info.ETag, looked.ETag)
	require.Equal(t, int64(11), looked.SizeBytes)
	require.Equal(t, "runs/a/one", looked.Key)
	require.WithinDuration(t, info.Modified, looked.Modified, 0)
}

func overwrite(t *testing.T, s storage.Store) {
	first := put(t, s, "a", "one")
	second := put(t, s, "a", "three")
	require.NotEqual(t, first.ETag, second.ETag)
	content, info := read(t, s, "a")
	require.Equal(t, "three", content)
	require.Equal(t, second.ETag, info.ETag)
	require.Equal(t, int64(5), info.SizeBytes)
}

func emptyBody(t *testing.T, s storage.Store) {
	put(t, s, "empty", "")
	content, info := read(t, s, "empty")
	require.Empty(t, content)
	require.Zero(t, info.SizeBytes)
}

func largeBody(t *testing.T, s storage.Store) {
	content := make([]byte, 20<<20)
	for i := range content {
		content[i] = byte(i >> 12 * 7)
	}
	_, err := s.Put(t.Context(), "large", bytes.NewReader(content), storage.IfAbsent())
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "large", bytes.NewReader(content), storage.IfAbsent())
	requireKind(t, fault.Conflict, err)
	held, info, err := storage.ReadAll(t.Context(), s, "large")
	require.NoError(t, err)
	require.Equal(t, int64(20<<20), info.SizeBytes)
	require.True(t, bytes.Equal(content, held))
	replaced, err := s.Put(t.Context(), "large", bytes.NewReader(content[1:]), storage.IfMatch(info.ETag))
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "large", bytes.NewReader(content), storage.IfMatch(info.ETag))
	requireKind(t, fault.Conflict, err)
	looked, err := s.Stat(t.Context(), "large")
	require.NoError(t, err)
	require.Equal(t, replaced.ETag, looked.ETag)
}

func bodyFromPosition(t *testing.T, s storage.Store) {
	body := bytes.NewReader([]byte("skipped, kept"))
	_, err := body.Seek(9, io.SeekStart)
	require.NoError(t, err)
	info, err := s.Put(t.Context(), "a", body, storage.Always())
	require.NoError(t, err)
	require.Equal(t, int64(4), info.SizeBytes)
	content, _ := read(t, s, "a")
	require.Equal(t, "kept", content)
}

func missing(t *testing.T, s storage.Store) {
	_, _, err := s.Get(t.Context(), "nothing/here")
	requireKind(t, fault.NotFound, err)
	_, err = s.Stat(t.Context(), "nothing/here")
	requireKind(t, fault.NotFound, err)
	require.NoError(t, s.Delete(t.Context(), "nothing/here"))
}

func deleteTwice(t *testing.T, s storage.Store) {
	put(t, s, "a/b", "x")
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	_, err := s.Stat(t.Context(), "a/b")
	requireKind(t, fault.NotFound, err)
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	put(t, s, "a/b", "y")
	content, _ := read(t, s, "a/b")
	require.Equal(t, "y", content)
}

func ifAbsent(t *testing.T, s storage.Store) {
	_, err := storage.PutBytes(t.Context(), s, "a", []byte("first"), storage.IfAbsent())
	require.NoError(t, err)
	_, err = storage.PutBytes(t.Context(), s, "a", []byte("second"), storage.IfAbsent())
	requireKind(t, fault.Conflict, err)
	content, _ := read(t, s, "a")
	require.Equal(t, "first", content)
	require.NoError(t, s.Delete(t.Context(), "a"))
	_, err = storage.PutBytes(t.Context(), s, "a", []byte("third"), storage.IfAbsent())
	require.NoError(t, err)
}

func ifMatch(t *testing.T, s storage.Store) {
	first := put(t, s, "a", "first")
	second, err := storage.PutBytes(t.Context(), s, "a", []byte("second"), storage.IfMatch(first.ETag))
	require.NoError(t, err)
	_, err = storage.PutBytes(t.Context(), s, "a", []byte("third"), storage.IfMatch(first.ETag))
	requireKind(t, fault.Conflict, err)
	content, info := read(t, s, "a")
	require.Equal(t, "second", content)
	require.Equal(t, second.ETag, info.ETag)
}

func ifMatchGone(t *testing.T, s storage.Store) {
	info := put(t, s, "a", "first")
	require.NoError(t, s.Delete(t.Context(), "a"))
	_, err := storage.PutBytes(t.Context(), s, "a", []byte("second"), storage.IfMatch(info.ETag))
	requireKind(t, fault.Conflict, err)
	_, err = s.Stat(t.Context(), "a")
	requireKind(t, fault.NotFound, err)
}

func oddKeys(t *testing.T, s storage.Store) {
	keys := []string{
		"with space/and more.json", "plus+sign/a+b", "percent%20/100%", "quote'\"double", "question?mark=1&x", "hash#tag",
		"amp&<angle>", "tilde~star*", "comma,semi;colon:at@", "größe/straße", "肺炎/症状.json", "الربو", "e\u0301-combined", "🩺",
	}
	for i, key := range keys {
		put(t, s, key, "content "+string(rune('a'+i)))
	}
	for i, key := range keys {
		content, info := read(t, s, key)
		require.Equal(t, "content "+string(rune('a'+i)), content)
		require.Equal(t, key, info.Key)
	}
	slices.Sort(keys)
	require.Equal(t, keys, list(t, s, ""))
	require.Equal(t, []string{"肺炎/症状.json"}, list(t, s, "肺"))
	for _, key := range keys {
		require.NoError(t, s.Delete(t.Context(), key))
	}
	require.Empty(t, list(t, s, ""))
}

func longKeys(t *testing.T, s storage.Store) {
	segment := strings.Repeat("肺", 66) + "xx" // 200 bytes
	key := strings.Repeat(segment+"/", 4) + "end"
	for _, content := range []string{"one", "two"} {
		put(t, s, key, content)
		held, _ := read(t, s, key)
		require.Equal(t, content, held)
	}
	require.Equal(t, []string{key}, list(t, s, ""))
}

func badKeys(t *testing.T, s storage.Store) {
	for _, key := range []string{"", "/a", "a/", "a//b", "a/../b", "./a", "a\x00b", "a\nb", "\xff",
		strings.Repeat("a", 201), strings.Repeat("a/", 512) + "a"} {
		_, err := storage.PutBytes(t.Context(), s, key, nil, storage.Always())
		requireKind(t, fault.Invalid, err)
		_, _, err = s.Get(t.Context(), key)
		requireKind(t, fault.Invalid, err)
		_, err = s.Stat(t.Context(), key)
		requireKind(t, fault.Invalid, err)
		requireKind(t, fault.Invalid, s.Delete(t.Context(), key))
	}
}

func cancelled(t *testing.T, s storage.Store) {
	put(t, s, "a", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := storage.PutBytes(ctx, s, "a", []byte("y"), storage.Always())
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = s.Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Stat(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, "a"), context.Canceled)
	for _, err = range s.List(ctx, "") {
		if err != nil {
			break
		}
	}
	require.ErrorIs(t, err, context.Canceled)
	content, _ := read(t, s, "a")
	require.Equal(t, "x", content)
}

func probe(t *testing.T, s storage.Store) {
	require.NoError(t, storage.Probe(t.Context(), s))
	require.Empty(t, list(t, s, "probe/"), "the probe cleans up")
}
