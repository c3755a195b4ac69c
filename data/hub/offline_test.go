package hub

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"elara/spec/fault"
)

func TestOfflineAnswersFromTheCacheOnly(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	h.forget()
	offline, _ := h.client(t, func(settings *Settings) { settings.Cache, settings.Offline = c.settings.Cache, true })
	again, err := offline.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, s, again)
	_, err = offline.Fetch(t.Context(), parseName(t, h.repo+"@"+commitA), nil)
	require.NoError(t, err)
	for revision, missing := range map[string]string{"v2": "the revision", commitB: "commit " + commitB} {
		_, err = offline.Fetch(t.Context(), parseName(t, h.repo+"@"+revision), nil)
		require.EqualError(t, err, `model "acme/tiny-gpt2@`+revision+`" is not in the cache `+c.settings.Cache+": "+missing+
			" is missing (unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to fetch it)")
		require.True(t, fault.Is(err, fault.NotFound))
	}
	require.NoError(t, os.Remove(offline.layout(s.Name).blob(sha256Of(fileset()["pytorch_model.bin"]))))
	_, err = offline.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.ErrorContains(t, err, "its configuration, its tokenizer or its weights is missing")
	require.Empty(t, h.all())
}

func TestCacheAnswersForAHubThatIsDownAndSaysSo(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	h.Close()
	again, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.ErrorContains(t, again.Unreachable, "no answer from 127.0.0.1:")
	again.Unreachable = nil
	require.Equal(t, s, again)
}

func TestFilesAreLaidOutWithoutTheirNeighbours(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.Folder, "model.safetensors.old"), []byte("x"), 0o644))
	folder := t.TempDir()
	require.NoError(t, s.LinkInto(folder))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, len(fetched))
	text, err := os.ReadFile(filepath.Join(folder, "pytorch_model.bin"))
	require.NoError(t, err)
	require.Equal(t, fileset()["pytorch_model.bin"], string(text))
	require.Error(t, s.LinkInto(folder), "nothing is overwritten")
}

func TestDanglingLinkIsFilledAgain(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.NoError(t, os.Remove(c.layout(s.Name).blob(gitSHA1("#version: 0.2\n"))))
	pointer := filepath.Join(s.Folder, "vocab.json") // as after a move of the cache, where links are absolute
	require.NoError(t, os.Remove(pointer))
	require.NoError(t, os.Symlink("/nowhere/blobs/x", pointer))
	_, err = c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(s.Folder, "merges.txt"))
	require.NoError(t, err)
	require.Equal(t, "#version: 0.2\n", string(text))
	text, err = os.ReadFile(pointer)
	require.NoError(t, err)
	require.Equal(t, `{"a": 0}`, string(text))
}

func TestBlobOfAnotherSizeIsFetchedAgain(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	whole := fileset()["pytorch_model.bin"]
	blob := c.layout(Name{Repo: h.repo}).blob(sha256Of(whole))
	require.NoError(t, os.MkdirAll(filepath.Dir(blob), 0o755))
	require.NoError(t, os.WriteFile(blob, []byte(whole[:5]), 0o644))
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(s.Folder, "pytorch_model.bin"))
	require.NoError(t, err)
	require.Equal(t, whole, string(text))
}

func TestBrokenRefIsSaid(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t, func(s *Settings) { s.Offline = true })
	ref := c.layout(Name{Repo: h.repo}).ref("main")
	require.NoError(t, os.MkdirAll(filepath.Dir(ref), 0o755))
	require.NoError(t, os.WriteFile(ref, []byte("../../../x"), 0o644))
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.EqualError(t, err, ref+": holds 10 bytes, expected a commit of 40 hexadecimal digits")
	require.True(t, fault.Is(err, fault.Corrupt))
}

func TestBlobIsWrittenUnderTheLockOfHuggingfaceHub(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	whole := fileset()["pytorch_model.bin"]
	l := c.layout(Name{Repo: h.repo})
	path := l.lock(sha256Of(whole))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	other, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(other.Fd()), unix.LOCK_EX))
	fetched := make(chan error, 1)
	go func() {
		_, err := c.Fetch(t.Context(), Name{Repo: h.repo, Revision: "main"}, nil)
		fetched <- err
	}()
	// All small files are there, and the large one waits.
	require.Eventually(t, func() bool { return exists(filepath.Join(l.snapshot(commitA), "vocab.json")) }, 10*time.Second, 10*time.Millisecond)
	require.Never(t, func() bool { return len(fetched) > 0 }, 3*lockInterval, lockInterval)
	require.Empty(t, h.asked("GET", commitA+"/pytorch_model.bin"))
	require.NoError(t, os.WriteFile(l.blob(sha256Of(whole)), []byte(whole), 0o644)) // the holder of the lock was faster
	require.NoError(t, other.Close())
	require.NoError(t, <-fetched)
	require.Empty(t, h.asked("GET", commitA+"/pytorch_model.bin"))
}

func TestLockOnARemovedFileIsWorthNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	held, err := take(file, path)
	require.NoError(t, err)
	require.True(t, held)
	require.NoError(t, os.Remove(path))
	held, err = take(file, path)
	require.NoError(t, err)
	require.False(t, held)
	require.NoError(t, os.WriteFile(path, nil, 0o600)) // by somebody who will lock the new one
	held, err = take(file, path)
	require.NoError(t, err)
	require.False(t, held)
}
