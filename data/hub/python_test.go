package hub

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pythons is what tests/peer/hub/cache.py prints.
type pythons struct {
	Folder   string
	Sums     map[string]string
	Counted  []int
	Warnings []string
}

// peer runs tests/peer/hub/cache.py with the Python of tests/peer/venv; the test is skipped where that is not installed.
func peer(t *testing.T, h *fakeHub, cache string, offline bool, args ...string) pythons {
	t.Helper()
	python := os.Getenv("ELARA_PEERS")
	if python == "" {
		home, err := os.UserCacheDir()
		require.NoError(t, err)
		python = filepath.Join(home, "elara", "peers", "bin", "python")
	}
	if _, err := os.Stat(python); err != nil {
		t.Skipf("no Python with huggingface_hub: %v (tests/peer/venv installs one)", err)
	}
	command := exec.CommandContext(t.Context(), python, append([]string{"../../tests/peer/hub/cache.py"}, args...)...)
	command.Env = append(os.Environ(), "HF_ENDPOINT="+h.URL, "HF_HUB_CACHE="+cache, "HF_HOME="+t.TempDir(),
		"HF_TOKEN=hf_secret", "HF_HUB_DISABLE_PROGRESS_BARS=1", "HF_HUB_DISABLE_TELEMETRY=1", "NO_PROXY=127.0.0.1")
	if offline {
		command.Env = append(command.Env, "HF_HUB_OFFLINE=1")
	}
	text, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%v: %s", err, failed.Stderr)
	}
	require.NoError(t, err)
	var out pythons
	require.NoError(t, json.Unmarshal(text, &out), "%s", text)
	return out
}

func TestPythonReadsOurCache(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	h.forget()
	seen := peer(t, h, c.settings.Cache, true, append([]string{"read", h.repo, "main"}, fetched...)...)
	require.Equal(t, s.Folder, seen.Folder)
	for name, sum := range seen.Sums {
		require.Equal(t, sha256Of(fileset()[name]), sum, name)
	}
	require.Len(t, seen.Sums, len(fetched))
	require.Equal(t, []int{len(fetched) - 1}, seen.Counted, "it counts blobs, and two files are equal")
	require.Empty(t, seen.Warnings, "the library finds the cache sound")
	require.Empty(t, h.all())

	// Online, it asks for what has changed and fetches nothing of what we fetched.
	peer(t, h, c.settings.Cache, false, append([]string{"fetch", h.repo, "main"}, fetched...)...)
	require.Empty(t, h.asked(http.MethodGet, "/resolve/"))
	require.Empty(t, h.asked(http.MethodGet, commitA+"/pytorch_model.bin"))
}

func TestWeReadPythonsCache(t *testing.T) {
	h := newHub(t)
	cache := filepath.Join(t.TempDir(), "hub")
	made := peer(t, h, cache, false, append([]string{"fetch", h.repo, "main", "tf_model.h5"}, fetched...)...)
	h.forget()
	offline, _ := h.client(t, func(s *Settings) { s.Cache, s.Offline = cache, true })
	s, err := offline.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, made.Folder, s.Folder)
	require.Equal(t, fetched, names(s), "and not the weights of another library")
	require.Empty(t, h.all())

	online, _ := h.client(t, func(s *Settings) { s.Cache = cache })
	again, err := online.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, s, again)
	require.Len(t, h.all(), 1, "the list; everything is there")
}
