package hub_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/data/hub"
	"elara/spec/fault"
	"elara/tests/localhub"
)

// contents are a small file, a large one that goes in one piece, and one that goes in parts.
func contents() map[string]string {
	return map[string]string{
		"README.md": "# A model", "config.json": strings.Repeat("{}", 100), "model.safetensors": strings.Repeat("0123456789", 250), "empty.txt": "",
	}
}

func uploadOf(t *testing.T, files map[string]string) hub.Upload {
	t.Helper()
	name, err := hub.ParseName("acme/tiny")
	require.NoError(t, err)
	u := hub.Upload{To: name, Folder: t.TempDir(), Message: "Upload gguf", Private: true}
	for file, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(u.Folder, file), []byte(content), 0o600))
		u.Files = append(u.Files, file)
	}
	return u
}

func uploader(t *testing.T, server *localhub.Accepting, token string) *hub.Client {
	t.Helper()
	patience := hub.DefaultPatience()
	patience.Tries, patience.FirstWait, patience.Answer = 3, time.Millisecond, 5*time.Second
	client, err := hub.NewWith(hub.Settings{Endpoint: server.URL, Token: hub.NewToken(token), Cache: t.TempDir()}, patience)
	require.NoError(t, err)
	return client
}

func asText(files map[string][]byte) map[string]string {
	texts := map[string]string{}
	for name, content := range files {
		texts[name] = string(content)
	}
	return texts
}

func TestUploadedFilesAppearTogether(t *testing.T) {
	server := localhub.Accept(t)
	var last [2]int64
	commit, err := uploader(t, server, server.Token).Upload(context.Background(), uploadOf(t, contents()), func(done, total int64) {
		require.Greater(t, done, last[0]) // each time there is more: the end is told once
		last = [2]int64{done, total}
	})
	require.NoError(t, err)
	require.Equal(t, localhub.Commit, commit)
	files, private := server.Repo("acme/tiny")
	require.True(t, private)
	require.Equal(t, contents(), asText(files))
	require.Equal(t, [2]int64{2700, 2700}, last) // the two large ones
}

// TestUploadGoesOnWhereItStopped breaks off after the first large file, and at the commit: what was received is not sent
// again, and nothing is visible before the commit.
func TestUploadGoesOnWhereItStopped(t *testing.T) {
	server := localhub.Accept(t)
	client, u := uploader(t, server, server.Token), uploadOf(t, contents())
	server.Meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/commit/") {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	_, err := client.Upload(context.Background(), u, nil)
	require.True(t, fault.Is(err, fault.Transient), "%v", err)
	require.ErrorContains(t, err, "upload acme/tiny@main: ")
	files, _ := server.Repo("acme/tiny")
	require.Empty(t, files)

	server.Meddle = nil
	server.Requests()
	_, err = client.Upload(context.Background(), u, nil)
	require.NoError(t, err)
	for _, request := range server.Requests() {
		require.NotContains(t, request, "PUT")
	}
	files, _ = server.Repo("acme/tiny")
	require.Equal(t, contents(), asText(files))

	// A third time there is nothing to do, and no commit is made.
	_, err = client.Upload(context.Background(), u, nil)
	require.NoError(t, err)
	for _, request := range server.Requests() {
		require.NotContains(t, request, "/commit/")
	}
}

func TestPartThatFailsIsSentAgain(t *testing.T) {
	server := localhub.Accept(t)
	failures := 0
	server.Meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/2") || failures == 2 {
			return false
		}
		failures++
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	_, err := uploader(t, server, server.Token).Upload(context.Background(), uploadOf(t, contents()), nil)
	require.NoError(t, err)
	require.Equal(t, 2, failures)
	files, _ := server.Repo("acme/tiny")
	require.Equal(t, contents(), asText(files))
}

// TestUploadInWhichNothingMovesIsSentAgain sends to a storage that stops reading in the middle of a file.
func TestUploadInWhichNothingMovesIsSentAgain(t *testing.T) {
	server := localhub.Accept(t)
	server.PartBytes = 64 << 20 // the file goes in one piece
	stalls := 0
	server.Meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || stalls == 1 {
			return false
		}
		stalls++
		connection, _, err := http.NewResponseController(w).Hijack() // it stays open, and nobody reads from it
		if err != nil {
			t.Error(err)
			return false
		}
		t.Cleanup(func() { _ = connection.Close() })
		return true
	}
	patience := hub.DefaultPatience()
	patience.Tries, patience.FirstWait, patience.Stall = 2, time.Millisecond, 300*time.Millisecond
	client, err := hub.NewWith(hub.Settings{Endpoint: server.URL, Token: hub.NewToken(server.Token), Cache: t.TempDir()}, patience)
	require.NoError(t, err)
	large := strings.Repeat("0123456789abcdef", 2<<20) // more than both ends of a connection take in
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = client.Upload(ctx, uploadOf(t, map[string]string{"model.safetensors": large}), nil)
	require.NoError(t, err)
	require.Equal(t, 1, stalls)
	files, _ := server.Repo("acme/tiny")
	require.Len(t, files["model.safetensors"], len(large))
}

func TestFileThatDoesNotArriveIsNotToldAsSent(t *testing.T) {
	server := localhub.Accept(t)
	server.Meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	_, err := uploader(t, server, server.Token).Upload(t.Context(), uploadOf(t, map[string]string{"config.json": contents()["config.json"]}),
		func(done, total int64) { t.Errorf("told %d of %d bytes", done, total) })
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
}

func TestUploadsThatMayNotBeAreRefused(t *testing.T) {
	server := localhub.Accept(t)
	u := uploadOf(t, contents())
	_, err := uploader(t, server, "").Upload(context.Background(), u, nil)
	require.EqualError(t, err, "upload acme/tiny@main: no token is set, or the hub is not to be asked (set HF_TOKEN to a token that may write to acme/tiny, and unset HF_HUB_OFFLINE)")
	_, err = uploader(t, server, "hf_reader").Upload(context.Background(), u, nil)
	require.EqualError(t, err, server.URL+` does not allow to write to model "acme/tiny" (HF_TOKEN needs the right to write to this repository)`)
	require.NotContains(t, err.Error(), "hf_reader")
	u.Files = append(u.Files, "../secret")
	_, err = uploader(t, server, server.Token).Upload(context.Background(), u, nil)
	require.ErrorContains(t, err, `upload "../secret": expected a path inside the repository`)
	files, _ := server.Repo("acme/tiny")
	require.Nil(t, files)
}

// TestPythonUploadsToTheSameHub makes sure that the hub of these tests is one: the library, too, can send to it, in the same
// requests.
func TestPythonUploadsToTheSameHub(t *testing.T) {
	python := os.Getenv("ELARA_PEERS")
	if python == "" {
		home, err := os.UserCacheDir()
		require.NoError(t, err)
		python = filepath.Join(home, "elara", "peers", "bin", "python")
	}
	if _, err := os.Stat(python); err != nil {
		t.Skipf("no Python with huggingface_hub: %v (tests/peer/venv installs one)", err)
	}
	server := localhub.Accept(t)
	u := uploadOf(t, contents())
	command := exec.CommandContext(t.Context(), python, "../../tests/peer/hub/upload.py", "acme/tiny", u.Folder)
	command.Env = append(os.Environ(), "HF_ENDPOINT="+server.URL, "HF_TOKEN="+server.Token, "HF_HOME="+t.TempDir(), "HF_HUB_DISABLE_XET=1",
		"HF_HUB_DISABLE_PROGRESS_BARS=1", "HF_HUB_DISABLE_TELEMETRY=1", "NO_PROXY=127.0.0.1")
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s", said)
	files, private := server.Repo("acme/tiny")
	require.True(t, private)
	require.Equal(t, contents(), asText(files))

	// What Python has sent is not sent again.
	server.Requests()
	_, err = uploader(t, server, server.Token).Upload(context.Background(), u, nil)
	require.NoError(t, err)
	for _, request := range server.Requests() {
		require.NotContains(t, request, "PUT")
		require.NotContains(t, request, "/commit/")
	}
}
