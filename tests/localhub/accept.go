package localhub

import (
	"bufio"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Accepting is a hub that takes uploads: repositories are made, and files sent, by the requests that huggingface_hub
// makes. Files of more than LargeBytes go to its large-file storage, in parts of PartBytes where they are larger than that.
type Accepting struct {
	*httptest.Server
	Token                 string // the only one that may write
	LargeBytes, PartBytes int64

	// Meddle may answer a request in the hub's place; it reports whether it did.
	Meddle func(w http.ResponseWriter, r *http.Request) bool

	storage *httptest.Server // another host, which must not see the token

	mu       sync.Mutex
	repos    map[string]map[string][]byte // files by repository and name
	private  map[string]bool
	objects  map[string][]byte // of the large-file storage, by SHA-256
	parts    map[string][]byte // by SHA-256 and number
	requests []string          // method and path
	t        *testing.T
}

// Accept starts a hub without any repository.
func Accept(t *testing.T) *Accepting {
	t.Helper()
	h := &Accepting{Token: "hf_writer", LargeBytes: 100, PartBytes: 1000, t: t, repos: map[string]map[string][]byte{}, private: map[string]bool{},
		objects: map[string][]byte{}, parts: map[string][]byte{}}
	h.Server = httptest.NewServer(h.guarded(h.hub))
	h.storage = httptest.NewServer(h.guarded(h.store))
	t.Cleanup(h.Close)
	t.Cleanup(h.storage.Close)
	return h
}

// Repo gives the files of a repository, and whether it is private; nil when there is none.
func (h *Accepting) Repo(name string) (files map[string][]byte, private bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.repos[name], h.private[name]
}

// Requests gives the method and path of each request since the last call.
func (h *Accepting) Requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := h.requests
	h.requests = nil
	return seen
}

func (h *Accepting) guarded(answer func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.requests = append(h.requests, r.Method+" "+r.URL.Path)
		if h.Meddle != nil && h.Meddle(w, r) {
			return
		}
		if err := answer(w, r); err != nil {
			h.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	})
}

func (h *Accepting) hub(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.Path
	if oid, ok := strings.CutPrefix(path, "/complete/"); ok { // an address that the hub has signed
		return h.complete(r, oid)
	}
	if r.Header.Get("Authorization") != "Bearer "+h.Token {
		w.WriteHeader(http.StatusForbidden)
		return nil
	}
	if path == "/api/repos/create" {
		return h.create(w, r)
	}
	if oid, ok := strings.CutPrefix(path, "/verify/"); ok {
		if _, found := h.objects[oid]; !found {
			return fmt.Errorf("object %s was never completed", oid)
		}
		return nil
	}
	if path == "/api/validate-yaml" { // what huggingface_hub asks about a model card
		return json.NewEncoder(w).Encode(map[string][]string{"errors": {}, "warnings": {}})
	}
	for repo, files := range h.repos {
		switch path {
		case "/api/models/" + repo + "/preupload/main":
			return h.preupload(w, r, files)
		case "/" + repo + ".git/info/lfs/objects/batch":
			return h.batch(w, r)
		case "/api/models/" + repo + "/commit/main":
			return h.commit(w, r, repo, files)
		case "/api/models/" + repo + "/revision/main":
			return json.NewEncoder(w).Encode(map[string]any{"sha": Commit, "siblings": []any{}})
		}
	}
	w.Header().Set("X-Error-Code", "RepoNotFound")
	w.WriteHeader(http.StatusNotFound)
	return nil
}

func (h *Accepting) create(w http.ResponseWriter, r *http.Request) error {
	var ask struct {
		Type, Name, Organization string
		Private                  bool   // what huggingface_hub said until 2.0
		Visibility               string // what it says since
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Type != "" && ask.Type != "model" {
		return fmt.Errorf("create %+v: %w", ask, err)
	}
	repo := ask.Organization + "/" + ask.Name
	if h.repos[repo] != nil {
		w.WriteHeader(http.StatusConflict)
		return nil
	}
	h.repos[repo], h.private[repo] = map[string][]byte{}, ask.Private || ask.Visibility == "private"
	return json.NewEncoder(w).Encode(map[string]string{"url": h.URL + "/" + repo})
}

func (h *Accepting) preupload(w http.ResponseWriter, r *http.Request, files map[string][]byte) error {
	var ask struct {
		Files []struct {
			Path, Sample string
			Size         int64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return err
	}
	var answer []map[string]any
	for _, f := range ask.Files {
		if sample, err := base64.StdEncoding.DecodeString(f.Sample); err != nil || int64(len(sample)) != min(f.Size, 512) {
			return fmt.Errorf("sample of %s has %d bytes: %w", f.Path, len(sample), err)
		}
		mode := "regular"
		if f.Size > h.LargeBytes {
			mode = "lfs"
		}
		entry := map[string]any{"path": f.Path, "uploadMode": mode, "shouldIgnore": false}
		if content, found := files[f.Path]; found {
			entry["oid"] = gitName(content)
			if mode == "lfs" {
				entry["oid"] = digest(content)
			}
		}
		answer = append(answer, entry)
	}
	return json.NewEncoder(w).Encode(map[string]any{"files": answer})
}

func (h *Accepting) batch(w http.ResponseWriter, r *http.Request) error {
	var ask struct {
		Operation string
		Algorithm string `json:"hash_algo"`
		Transfers []string
		Objects   []struct {
			OID  string
			Size int64
		}
		Ref struct{ Name string }
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Operation != "upload" || ask.Algorithm != "sha256" || ask.Ref.Name != "main" ||
		r.Header.Get("Accept") != "application/vnd.git-lfs+json" {
		return fmt.Errorf("batch %+v: %w", ask, err)
	}
	var objects []map[string]any
	for _, o := range ask.Objects {
		object := map[string]any{"oid": o.OID, "size": o.Size}
		if _, found := h.objects[o.OID]; !found {
			upload := map[string]any{"href": h.storage.URL + "/object/" + o.OID}
			if o.Size > h.PartBytes {
				header := map[string]string{"chunk_size": strconv.FormatInt(h.PartBytes, 10)}
				for n := int64(0); n*h.PartBytes < o.Size; n++ {
					header[fmt.Sprintf("%05d", n+1)] = fmt.Sprintf("%s/part/%s/%d", h.storage.URL, o.OID, n+1)
				}
				upload = map[string]any{"href": h.URL + "/complete/" + o.OID, "header": header}
			}
			object["actions"] = map[string]any{"upload": upload, "verify": map[string]any{"href": h.URL + "/verify/" + o.OID}}
		}
		objects = append(objects, object)
	}
	return json.NewEncoder(w).Encode(map[string]any{"objects": objects})
}

// store is the large-file storage.
func (h *Accepting) store(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Authorization") != "" {
		return fmt.Errorf("the storage was shown the token")
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil //nolint:nilerr // the client has gone, which is no failure of the hub's
	}
	if oid, ok := strings.CutPrefix(r.URL.Path, "/object/"); ok {
		return h.keep(oid, content)
	}
	key, _ := strings.CutPrefix(r.URL.Path, "/part/")
	h.parts[key] = content
	w.Header().Set("ETag", `"`+digest(content)+`"`)
	return nil
}

func (h *Accepting) keep(oid string, content []byte) error {
	if got := digest(content); got != oid {
		return fmt.Errorf("object %s has digest %s", oid, got)
	}
	h.objects[oid] = content
	return nil
}

// complete puts the parts together that the tags name.
func (h *Accepting) complete(r *http.Request, oid string) error {
	var ask struct {
		OID   string
		Parts []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.OID != oid {
		return fmt.Errorf("complete %s: %w", ask.OID, err)
	}
	var content []byte
	for i, p := range ask.Parts {
		part := h.parts[fmt.Sprintf("%s/%d", oid, i+1)]
		if p.PartNumber != i+1 || p.ETag != `"`+digest(part)+`"` {
			return fmt.Errorf("part %d has number %d and tag %s", i+1, p.PartNumber, p.ETag)
		}
		content = append(content, part...)
	}
	return h.keep(oid, content)
}

// commit takes the lines of a commit, all or none.
func (h *Accepting) commit(w http.ResponseWriter, r *http.Request, repo string, files map[string][]byte) error {
	taken := map[string][]byte{}
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<26)
	for n := 0; lines.Scan(); n++ {
		var line struct {
			Key   string
			Value struct {
				Summary, Path, Content, Encoding, Algo, OID string
				Size                                        int64
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return err
		}
		v := line.Value
		switch {
		case n == 0 && line.Key == "header" && v.Summary != "":
		case line.Key == "file" && v.Encoding == "base64":
			content, err := base64.StdEncoding.DecodeString(v.Content)
			if err != nil {
				return err
			}
			taken[v.Path] = content
		case line.Key == "lfsFile" && v.Algo == "sha256" && int64(len(h.objects[v.OID])) == v.Size:
			taken[v.Path] = h.objects[v.OID]
		default:
			return fmt.Errorf("line %d of the commit is a %q of %q", n+1, line.Key, v.Path)
		}
	}
	for name, content := range taken {
		files[name] = content
	}
	return json.NewEncoder(w).Encode(map[string]string{"commitOid": Commit, "commitUrl": h.URL + "/" + repo + "/commit/" + Commit})
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func gitName(content []byte) string {
	sum := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content)))
	return hex.EncodeToString(sum[:])
}
