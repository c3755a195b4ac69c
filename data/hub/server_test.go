package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two commits of the test's repository.
const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// fakeHub answers as huggingface.co does, for one repository. Files of more than 100 bytes are large ones: they are on
// another host, to which a signed link leads.
type fakeHub struct {
	*httptest.Server
	cdn     *httptest.Server
	repo    string
	commits map[string]map[string]string // contents by name
	refs    map[string]string

	// meddle may answer in place of the hub or the other host; it reports whether it did.
	meddle func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex // held while a request is answered: they come one after the other
	requests []seen
}

// seen is one request as it arrived.
type seen struct{ host, method, path, token, bytes string }

// fileset is a small GPT-2 in the form of a repository, with what is not to be fetched.
func fileset() map[string]string {
	return map[string]string{
		"config.json": `{"model_type": "gpt2"}`, "generation_config.json": "{}", "vocab.json": `{"a": 0}`, "merges.txt": "#version: 0.2\n",
		"tokenizer_config.json": "{}", "chat_template.jinja": "{{ messages }}", "pytorch_model.bin": strings.Repeat("weights ", 4000),
		"README.md": "# A model", "tf_model.h5": strings.Repeat("h5", 100), "flax_model.msgpack": "x", "rust_model.ot": "x", "onnx/decoder.onnx": "x",
		"training_args.bin": "x", ".gitattributes": "x", "model.onnx": "x", "nested/config.json": "{}",
	}
}

// fetched are the names of fileset that make up the model.
var fetched = []string{
	"chat_template.jinja", "config.json", "generation_config.json", "merges.txt", "tokenizer_config.json", "vocab.json", "pytorch_model.bin",
}

func newHub(t *testing.T) *fakeHub {
	t.Helper()
	h := &fakeHub{
		repo: "acme/tiny-gpt2", commits: map[string]map[string]string{commitA: fileset()},
		refs: map[string]string{"main": commitA, "refs/pr/1": commitA},
	}
	h.Server = httptest.NewServer(h.record(h.hub))
	h.cdn = httptest.NewServer(h.record(h.bytes))
	t.Cleanup(h.Server.Close)
	t.Cleanup(h.cdn.Close)
	return h
}

func (h *fakeHub) record(answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.requests = append(h.requests, seen{r.Host, r.Method, r.URL.EscapedPath(), r.Header.Get("Authorization"), r.Header.Get("Range")})
		if h.meddle == nil || !h.meddle(w, r) {
			answer(w, r)
		}
	})
}

// change alters the hub between two requests.
func (h *fakeHub) change(alter func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	alter()
}

// forget forgets the requests so far.
func (h *fakeHub) forget() { h.change(func() { h.requests = nil }) }

// all gives the requests since the last forget.
func (h *fakeHub) all() []seen {
	return append(h.asked(http.MethodGet, ""), h.asked(http.MethodHead, "")...)
}

// asked gives the requests of a method whose path has a part.
func (h *fakeHub) asked(method, part string) (found []seen) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.requests {
		if s.method == method && strings.Contains(s.path, part) {
			found = append(found, s)
		}
	}
	return found
}

func (h *fakeHub) hub(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/models/"+h.repo+"/"); ok {
		kind, revision, _ := strings.Cut(rest, "/")
		h.describe(w, kind, revision)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/"+h.repo+"/resolve/")
	if !ok {
		refuse(w, http.StatusNotFound, "RepoNotFound")
		return
	}
	revision, name, _ := strings.Cut(rest, "/")
	commit, files := h.at(revision)
	if files == nil {
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	content, ok := files[name]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "EntryNotFound")
	case len(content) > 100:
		sum := sha256Of(content)
		w.Header().Set("X-Linked-Etag", `"`+sum+`"`)
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(content)))
		w.Header().Set("ETag", `"of-the-redirect"`)
		w.Header().Set("Location", h.cdn.URL+"/"+commit+"/"+name+"?signature=secret")
		w.WriteHeader(http.StatusFound)
	default:
		w.Header().Set("ETag", `"`+gitSHA1(content)+`"`)
		http.ServeContent(w, r, name, time.Time{}, strings.NewReader(content))
	}
}

func (h *fakeHub) at(revision string) (string, map[string]string) {
	revision, _ = url.PathUnescape(revision)
	if commit, ok := h.refs[revision]; ok {
		revision = commit
	}
	return revision, h.commits[revision]
}

// describe answers the list of files, in the form of either interface that lists them.
func (h *fakeHub) describe(w http.ResponseWriter, kind, revision string) {
	commit, files := h.at(revision)
	if files == nil {
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return
	}
	var siblings, tree []map[string]any
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		siblings = append(siblings, map[string]any{"rfilename": name})
		entry := map[string]any{"type": "file", "path": name, "size": len(content), "oid": gitSHA1(content)}
		if len(content) > 100 {
			entry["lfs"] = map[string]any{"oid": sha256Of(content), "size": len(content), "pointerSize": 130}
		}
		tree = append(tree, entry)
	}
	var answer any = tree
	if kind == "revision" {
		answer = map[string]any{"id": h.repo, "sha": commit, "siblings": siblings, "private": false}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// bytes is the host that holds large files.
func (h *fakeHub) bytes(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("signature") != "secret" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	commit, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	http.ServeContent(w, r, name, time.Time{}, strings.NewReader(h.commits[commit][name]))
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Error-Code", code)
	w.WriteHeader(status)
}

func sha256Of(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func gitSHA1(content string) string {
	sum := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content)))
	return hex.EncodeToString(sum[:])
}

// client asks the hub with a token, keeps files in a folder of the test's own, and notes its waits instead of waiting.
func (h *fakeHub) client(t *testing.T, change ...func(*Settings)) (*Client, *[]time.Duration) {
	t.Helper()
	settings := Settings{Endpoint: h.URL, Token: NewToken("hf_secret"), Cache: filepath.Join(t.TempDir(), "hub")}
	for _, f := range change {
		f(&settings)
	}
	patience := DefaultPatience()
	patience.Answer, patience.Stall = 5*time.Second, 5*time.Second
	c, err := NewWith(settings, patience)
	require.NoError(t, err)
	t.Cleanup(c.http.CloseIdleConnections)
	var waits []time.Duration
	c.wait = func(ctx context.Context, d time.Duration) error {
		waits = append(waits, d)
		return ctx.Err()
	}
	return c, &waits
}

func parseName(t *testing.T, text string) Name {
	t.Helper()
	name, err := ParseName(text)
	require.NoError(t, err)
	return name
}

func TestTheFakeHubNamesFilesAsGitDoes(t *testing.T) {
	require.Equal(t, "ce013625030ba8dba906f756967f9e9ca394464a", gitSHA1("hello\n")) // echo hello | git hash-object --stdin
	require.True(t, bytes.HasPrefix([]byte(sha256Of("")), []byte("e3b0c44298fc1c14")))
}
