package localhub

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Commit is what every revision of every model means.
const Commit = "cccccccccccccccccccccccccccccccccccccccc"

// Start serves models that lie in folders, by their names, and points this process and its children at the server, with
// an empty cache and no token.
func Start(t *testing.T, folders map[string]string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for repo, folder := range folders {
			var err error
			if strings.HasPrefix(r.URL.Path, "/api/models/"+repo+"/revision/") {
				err = list(w, folder)
			} else if name, found := strings.CutPrefix(r.URL.Path, "/"+repo+"/resolve/"+Commit+"/"); found {
				err = give(w, r, filepath.Join(folder, filepath.Base(name)))
			} else {
				continue
			}
			if err != nil {
				t.Error(err)
			}
			return
		}
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_HOME", t.TempDir())
	for _, name := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH"} {
		t.Setenv(name, "")
	}
}

// list answers with the files of a folder.
func list(w http.ResponseWriter, folder string) error {
	entries, err := os.ReadDir(folder)
	var files []map[string]string
	for _, entry := range entries {
		files = append(files, map[string]string{"rfilename": entry.Name()})
	}
	return errors.Join(err, json.NewEncoder(w).Encode(map[string]any{"sha": Commit, "siblings": files}))
}

// give answers with a file, under its SHA-256 as the hub gives it of large ones.
func give(w http.ResponseWriter, r *http.Request, path string) error {
	content, err := os.ReadFile(path)
	sum := sha256.Sum256(content)
	w.Header().Set("X-Repo-Commit", Commit)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	http.ServeContent(w, r, filepath.Base(path), time.Time{}, bytes.NewReader(content))
	return err
}
