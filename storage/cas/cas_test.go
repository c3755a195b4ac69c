package cas_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
	"elara/storage/faulty"
	"elara/storage/gateway/gatewaytest"
	"elara/storage/mem"
)

// hello is "hello\n" by sha256sum.
const hello = spec.Digest("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")

func requireKind(t *testing.T, kind fault.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, fault.KindOf(err), "%v", err)
}

func aged(age time.Duration) *mem.Store {
	return mem.NewAt(func() time.Time { return time.Now().Add(-age) })
}

func puts(s *faulty.Store) int {
	n := 0
	for _, op := range s.Ops() {
		if op.Kind == faulty.Put {
			n++
		}
	}
	return n
}

func TestBlobsAreNamedByTheirContent(t *testing.T) {
	store := mem.New()
	blob, err := cas.PutBytes(t.Context(), store, []byte("hello\n"))
	require.NoError(t, err)
	require.Equal(t, cas.Blob{Digest: hello, SizeBytes: 6}, blob)
	held, _, err := storage.ReadAll(t.Context(), store, "cas/sha256/"+string(hello))
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(held))
	content, err := cas.Read(t.Context(), store, hello)
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(content))
	require.NoError(t, cas.Verify(t.Context(), store, blob))
}

func TestABlobThatIsThereIsNotSentAgain(t *testing.T) {
	store := faulty.New(mem.New(), nil)
	for range 3 {
		_, err := cas.PutBytes(t.Context(), store, []byte("hello\n"))
		require.NoError(t, err)
	}
	require.Equal(t, 1, puts(store))
}

func TestABlobThatMayBeSweptSoonIsSentAgain(t *testing.T) {
	store := faulty.New(aged(cas.FreshFor+time.Hour), nil)
	for range 2 {
		_, err := cas.PutBytes(t.Context(), store, []byte("hello\n"))
		require.NoError(t, err)
	}
	require.Equal(t, 2, puts(store))
}

func TestDamageIsFoundAndHealed(t *testing.T) {
	for name, damaged := range map[string]string{"flipped": "hellp\n", "cut": "hell", "grown": "hello\n\n"} {
		t.Run(name, func(t *testing.T) {
			store := mem.New()
			damage := func() {
				_, err := storage.PutBytes(t.Context(), store, cas.Key(hello), []byte(damaged), storage.Always())
				require.NoError(t, err)
			}
			blob := cas.Blob{Digest: hello, SizeBytes: 6}
			damage()
			_, err := cas.Read(t.Context(), store, hello)
			requireKind(t, fault.Corrupt, err)
			requireKind(t, fault.Corrupt, cas.Verify(t.Context(), store, blob))
			require.NoError(t, cas.Ensure(t.Context(), store, blob, bytes.NewReader([]byte("hello\n"))))
			require.NoError(t, cas.Verify(t.Context(), store, blob))
			if name == "flipped" {
				return // Put looks at the size alone
			}
			damage()
			require.NoError(t, cas.Put(t.Context(), store, blob, bytes.NewReader([]byte("hello\n"))))
			require.NoError(t, cas.Verify(t.Context(), store, blob))
		})
	}
}

func TestALostAnswerIsLookedUp(t *testing.T) {
	for _, answer := range []error{faulty.Unavailable(), fault.New(fault.Conflict, "it exists")} {
		done := faulty.New(mem.New(), faulty.Once(2, faulty.Fault{After: answer}))
		_, err := cas.PutBytes(t.Context(), done, []byte("hello\n"))
		require.NoError(t, err)
		notDone := faulty.New(mem.New(), faulty.Once(2, faulty.Fault{Before: answer}))
		_, err = cas.PutBytes(t.Context(), notDone, []byte("hello\n"))
		require.ErrorIs(t, err, answer)
	}
}

// changing gives other bytes each time it is read from its start.
type changing struct {
	*bytes.Reader
	next [][]byte
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if offset == 0 && whence == io.SeekStart && len(c.next) > 0 {
		c.Reader, c.next = bytes.NewReader(c.next[0]), c.next[1:]
	}
	return c.Reader.Seek(offset, whence)
}

// TestAFileThatChangesMeanwhileIsNeverStored measures a file, changes it and sends it, over both stores: the S3 client
// reads a body several times.
func TestAFileThatChangesMeanwhileIsNeverStored(t *testing.T) {
	over := func(t *testing.T, store storage.Store) {
		path := filepath.Join(t.TempDir(), "model.safetensors")
		for _, changed := range []string{"hellp\n", "hel", "hello\nand more"} {
			require.NoError(t, os.WriteFile(path, []byte("hello\n"), 0o600))
			file, err := os.Open(path)
			require.NoError(t, err)
			blob, err := cas.Measure(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
			requireKind(t, fault.Corrupt, cas.Put(t.Context(), store, blob, file))
			require.NoError(t, file.Close())
			_, err = store.Stat(t.Context(), cas.Key(hello))
			requireKind(t, fault.NotFound, err)
		}
		twice := &changing{Reader: bytes.NewReader([]byte("hello\n")), next: [][]byte{[]byte("hello\n"), []byte("hellp\n"), []byte("hellp\n")}}
		_ = cas.Put(t.Context(), store, cas.Blob{Digest: hello, SizeBytes: 6}, twice)
		if content, err := cas.Read(t.Context(), store, hello); err == nil {
			require.Equal(t, "hello\n", string(content))
		} else {
			requireKind(t, fault.NotFound, err)
		}
	}
	t.Run("memory", func(t *testing.T) { over(t, mem.New()) })
	t.Run("gateway", func(t *testing.T) { over(t, gatewaytest.Start(t)(t)) })
}

func TestSweepRemovesWhatIsOldAndUnmarked(t *testing.T) {
	ages := []time.Duration{100 * time.Hour, 100 * time.Hour, 47 * time.Hour}
	now := time.Now()
	store := mem.NewAt(func() time.Time {
		age := ages[0]
		ages = ages[1:]
		return now.Add(-age)
	})
	var blobs []cas.Blob
	for _, content := range []string{"old and needed", "old", "young"} {
		blob, err := cas.PutBytes(t.Context(), store, []byte(content))
		require.NoError(t, err)
		blobs = append(blobs, blob)
	}
	marks := make(cas.Marks)
	marks.Add(blobs[0].Digest)
	removed, err := cas.Sweep(t.Context(), store, marks, 48*time.Hour, now)
	require.NoError(t, err)
	require.Equal(t, []cas.Blob{blobs[1]}, removed)
	require.NoError(t, cas.Verify(t.Context(), store, blobs[0]))
	require.NoError(t, cas.Verify(t.Context(), store, blobs[2]))
	_, err = cas.Sweep(t.Context(), store, marks, 47*time.Hour, now)
	requireKind(t, fault.Invalid, err)
}

func TestBadDigestsAreRefused(t *testing.T) {
	store := mem.New()
	for _, digest := range []spec.Digest{"", "../../etc/passwd", hello[:63], hello + "0", "5891B5" + hello[6:]} {
		_, err := cas.Read(t.Context(), store, digest)
		requireKind(t, fault.Invalid, err)
		requireKind(t, fault.Invalid, cas.Put(t.Context(), store, cas.Blob{Digest: digest}, bytes.NewReader(nil)))
		requireKind(t, fault.Invalid, cas.Verify(t.Context(), store, cas.Blob{Digest: digest}))
	}
}
