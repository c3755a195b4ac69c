package hub

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func names(s Snapshot) []string {
	out := make([]string, 0, len(s.Files))
	for _, f := range s.Files {
		out = append(out, f.Name)
	}
	return out
}

func TestModelIsFetchedIntoTheLayoutOfHuggingfaceHub(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, commitA, s.Commit)
	require.Equal(t, fetched, names(s))
	require.Empty(t, s.Unverified)
	require.NoError(t, s.Unreachable)
	root := filepath.Join(c.settings.Cache, "models--acme--tiny-gpt2")
	require.Equal(t, filepath.Join(root, "snapshots", commitA), s.Folder)
	for _, file := range s.Files {
		content := fileset()[file.Name]
		etag := gitSHA1(content)
		if file.Name == "pytorch_model.bin" {
			etag = sha256Of(content)
		}
		target, err := os.Readlink(filepath.Join(s.Folder, file.Name))
		require.NoError(t, err)
		require.Equal(t, "../../blobs/"+etag, target)
		got, err := os.ReadFile(filepath.Join(s.Folder, file.Name))
		require.NoError(t, err)
		require.Equal(t, content, string(got))
		require.Equal(t, int64(len(content)), file.SizeBytes)
		require.FileExists(t, filepath.Join(c.settings.Cache, ".locks", "models--acme--tiny-gpt2", etag+".lock"))
	}
	blobs, err := os.ReadDir(filepath.Join(root, "blobs"))
	require.NoError(t, err)
	require.Len(t, blobs, 6, "two files are {}, and nothing is left incomplete")
	ref, err := os.ReadFile(filepath.Join(root, "refs", "main"))
	require.NoError(t, err)
	require.Equal(t, commitA, string(ref))
}

func TestRevisionMayBeABranchWithSlashesOrACommit(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo+"@refs/pr/1"), nil)
	require.NoError(t, err)
	require.Equal(t, commitA, s.Commit)
	require.Len(t, h.asked(http.MethodGet, "/revision/refs%2Fpr%2F1"), 1)
	require.FileExists(t, filepath.Join(c.settings.Cache, "models--acme--tiny-gpt2/refs/refs/pr/1"))
	s, err = c.Fetch(t.Context(), parseName(t, h.repo+"@"+commitA), nil)
	require.NoError(t, err)
	require.Equal(t, commitA, s.Commit)
	require.NoFileExists(t, filepath.Join(c.settings.Cache, "models--acme--tiny-gpt2/refs", commitA))
}

func TestSecondFetchAsksForTheListOnly(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	first, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	h.forget()
	second, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Len(t, h.all(), 1)
}

func TestNewRevisionFetchesOnlyWhatChanged(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	changed := fileset()
	changed["config.json"] = `{"model_type": "gpt2", "n_layer": 2}`
	h.change(func() { h.commits[commitB], h.refs["main"] = changed, commitB })
	h.forget()
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, commitB, s.Commit)
	require.Empty(t, h.asked(http.MethodGet, "pytorch_model.bin"), "its ETag is in the cache")
	require.Len(t, h.asked(http.MethodGet, "/resolve/"), 1)
	got, err := os.ReadFile(filepath.Join(s.Folder, "config.json"))
	require.NoError(t, err)
	require.Equal(t, changed["config.json"], string(got))
	require.FileExists(t, filepath.Join(c.settings.Cache, "models--acme--tiny-gpt2/snapshots", commitA, "config.json"))
}

func TestTokenGoesToTheHubAlone(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	elsewhere := 0
	for _, r := range h.all() {
		if "http://"+r.host == h.cdn.URL {
			elsewhere++
			require.Empty(t, r.token, "%s %s", r.method, r.path)
			continue
		}
		require.Equal(t, "Bearer hf_secret", r.token, "%s %s", r.method, r.path)
	}
	require.Equal(t, 1, elsewhere)
	require.Empty(t, h.asked(http.MethodHead, commitA+"/pytorch_model.bin?"), "the other host is not asked for metadata")

	anonymous, _ := h.client(t, func(s *Settings) { s.Token = Token{} })
	h.forget()
	_, err = anonymous.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	for _, r := range h.all() {
		require.Empty(t, r.token)
	}
}

func TestRedirectsOnTheHubAreFollowedWithTheToken(t *testing.T) {
	h := newHub(t)
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/old/name/"); ok {
			http.Redirect(w, r, "/"+h.repo+"/"+rest, http.StatusTemporaryRedirect)
			return true
		}
		if rest, ok := strings.CutPrefix(r.URL.Path, "/api/models/old/name/"); ok {
			http.Redirect(w, r, h.URL+"/api/models/"+h.repo+"/"+rest, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, "old/name"), nil)
	require.NoError(t, err)
	require.Equal(t, fetched, names(s))
	require.Contains(t, s.Folder, "models--old--name")
	require.NotEmpty(t, h.asked(http.MethodHead, "/"+h.repo+"/resolve/"))
	for _, r := range h.asked(http.MethodHead, "/") {
		require.Equal(t, "Bearer hf_secret", r.token)
	}
	h.change(func() {
		h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
	})
	_, err = c.Fetch(t.Context(), parseName(t, "old/name"), nil)
	require.ErrorContains(t, err, "more than 10 redirects")
}

func TestBrokenTransferGoesOnWhereItStopped(t *testing.T) {
	h := newHub(t)
	cut := []int{10_000, 25_000}
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if "http://"+r.Host != h.cdn.URL || len(cut) == 0 {
			return false
		}
		content, from := h.commits[commitA]["pytorch_model.bin"], 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = io.WriteString(w, content[from:cut[0]])
		cut = cut[1:]
		return true // less than the length that was announced: the connection breaks
	}
	c, waits := h.client(t)
	var last Progress
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), func(p Progress) {
		require.GreaterOrEqual(t, p.Done, last.Done)
		require.LessOrEqual(t, p.Done, p.Total)
		last = p
	})
	require.NoError(t, err)
	var ranges []string
	for _, r := range h.asked(http.MethodGet, "/pytorch_model.bin") {
		if "http://"+r.host == h.cdn.URL {
			ranges = append(ranges, r.bytes)
		}
	}
	require.Equal(t, []string{"", "bytes=10000-", "bytes=25000-"}, ranges)
	require.Equal(t, []time.Duration{time.Second, time.Second}, *waits, "each time bytes came")
	total := int64(0)
	for _, file := range s.Files {
		total += file.SizeBytes
	}
	require.Equal(t, Progress{File: "pytorch_model.bin", Done: total, Total: total}, last)
}

// leave puts a partial blob into the cache, as a killed process leaves it.
func leave(t *testing.T, c *Client, repo, etag, content string) {
	t.Helper()
	blob := c.layout(Name{Repo: repo}).blob(etag)
	require.NoError(t, os.MkdirAll(filepath.Dir(blob), 0o755))
	require.NoError(t, os.WriteFile(blob+".incomplete", []byte(content), 0o644))
}

func TestLeftOverOfAKilledProcess(t *testing.T) {
	whole := fileset()["pytorch_model.bin"]
	for name, c := range map[string]struct {
		left   string
		ranges []string
	}{
		"is continued":                          {whole[:12345], []string{"bytes=12345-"}},
		"is taken when it is whole":             {whole, nil},
		"is dropped when it is too long":        {whole + "x", []string{""}},
		"is dropped when it is of another file": {"other" + whole[5:12345], []string{"bytes=12345-", ""}},
		"is dropped when it is whole but wrong": {"other" + whole[5:], []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			client, _ := h.client(t)
			leave(t, client, h.repo, sha256Of(whole), c.left)
			s, err := client.Fetch(t.Context(), parseName(t, h.repo), nil)
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(s.Folder, "pytorch_model.bin"))
			require.NoError(t, err)
			require.Equal(t, whole, string(got))
			var ranges []string
			for _, r := range h.asked(http.MethodGet, commitA+"/pytorch_model.bin") {
				if "http://"+r.host == h.cdn.URL {
					ranges = append(ranges, r.bytes)
				}
			}
			require.Equal(t, c.ranges, ranges)
		})
	}
}

func TestHostThatKnowsNoRangesSendsTheWholeFileAgain(t *testing.T) {
	h := newHub(t)
	whole := fileset()["pytorch_model.bin"]
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if "http://"+r.Host == h.cdn.URL {
			_, _ = io.WriteString(w, whole)
			return true
		}
		return false
	}
	c, _ := h.client(t)
	leave(t, c, h.repo, sha256Of(whole), whole[:777])
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(s.Folder, "pytorch_model.bin"))
	require.NoError(t, err)
	require.Equal(t, whole, string(got))
}

func TestBytesThatAreNotWhatTheHubSaidAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		send func(whole string) string
		want string
	}{
		"another file":   {func(whole string) string { return "W" + whole[1:] }, "digest mismatch: want " + sha256Of(fileset()["pytorch_model.bin"])},
		"more than said": {func(whole string) string { return whole + "!" }, "more than the expected 32000 bytes came"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
				if "http://"+r.Host == h.cdn.URL {
					_, _ = io.WriteString(w, c.send(h.commits[commitA]["pytorch_model.bin"]))
					return true
				}
				return false
			}
			client, _ := h.client(t)
			_, err := client.Fetch(t.Context(), parseName(t, h.repo), nil)
			require.ErrorContains(t, err, "fetch pytorch_model.bin of acme/tiny-gpt2@main: "+c.want)
			require.True(t, fault.Is(err, fault.Corrupt))
			require.NoFileExists(t, client.layout(parseName(t, h.repo)).ref("main"), "the branch does not move to half a snapshot")
			require.NoFileExists(t, filepath.Join(client.settings.Cache, "models--acme--tiny-gpt2/snapshots", commitA, "pytorch_model.bin"))
		})
	}
	t.Run("a small file", func(t *testing.T) {
		h := newHub(t)
		h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/vocab.json") {
				_, _ = io.WriteString(w, `{"b": 0}`) // as long as the true one
				return true
			}
			return false
		}
		client, _ := h.client(t)
		_, err := client.Fetch(t.Context(), parseName(t, h.repo), nil)
		require.ErrorContains(t, err, "fetch vocab.json of acme/tiny-gpt2@main: digest mismatch: want "+gitSHA1(`{"a": 0}`)+", got "+gitSHA1(`{"b": 0}`))
	})
}

func TestExpiredLinkIsAskedForAgain(t *testing.T) {
	h := newHub(t)
	expired := 2
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if "http://"+r.Host == h.cdn.URL && expired > 0 {
			expired--
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	c, _ := h.client(t)
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Len(t, h.asked(http.MethodHead, "/pytorch_model.bin"), 3)
}

func TestTransferThatStallsIsTakenUpAgain(t *testing.T) {
	h := newHub(t)
	stalls := 1
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if "http://"+r.Host != h.cdn.URL || stalls == 0 {
			return false
		}
		stalls--
		w.Header().Set("Content-Length", "32000")
		_, _ = io.WriteString(w, h.commits[commitA]["pytorch_model.bin"][:100])
		w.(http.Flusher).Flush()
		<-r.Context().Done() // until the client gives up
		return true
	}
	c, _ := h.client(t)
	c.patience.Stall = 50 * time.Millisecond
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	last := h.asked(http.MethodGet, "/pytorch_model.bin")
	require.Equal(t, "bytes=100-", last[len(last)-1].bytes)
}

func TestShardsOfAnIndexAreFetched(t *testing.T) {
	h := newHub(t)
	files := h.commits[commitA]
	delete(files, "pytorch_model.bin")
	files["model.safetensors.index.json"] = `{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}`
	files["model-00001-of-00002.safetensors"] = strings.Repeat("1", 5000)
	files["model-00002-of-00002.safetensors"] = strings.Repeat("2", 6000)
	files["pytorch_model.bin.index.json"] = "{}"
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}, names(s)[6:])

	offline, _ := h.client(t, func(settings *Settings) { settings.Cache, settings.Offline = c.settings.Cache, true })
	again, err := offline.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, s, again)
	require.NoError(t, os.Remove(filepath.Join(s.Folder, "model-00002-of-00002.safetensors")))
	_, err = offline.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.ErrorContains(t, err, "a shard of the weights is missing")
}
