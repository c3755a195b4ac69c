package hub

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"elara/spec/fault"
)

// Upload is what is sent to a repository, in one commit.
type Upload struct {
	To      Name // the revision is a branch
	Folder  string
	Files   []string // names in the folder, which are those in the repository
	Message string
	Private bool // of a repository that has to be made
}

// Media types of the hub's interfaces.
const (
	jsonType   = "application/json"
	linesType  = "application/x-ndjson"
	lfsType    = "application/vnd.git-lfs+json"
	binaryType = "application/octet-stream"

	sampleBytes = 512 // of a file's beginning, by which the hub tells large or binary files apart
)

// sent is a file on its way.
type sent struct {
	name, path   string
	size         int64
	sha256, git  string
	large        bool // it goes to the hub's large-file storage, and the commit names its digest
	alreadyThere bool // the branch has it with these bytes
}

// Upload sends files to a model repository, which it makes where there is none, and gives the commit that has them all. The
// files appear together. An upload that was broken off goes on where it stopped: large files that the hub has received, from
// whichever try, are not sent again, and when the branch has all files as they are no commit is made. Told, if not nil, is
// called with the bytes of large files so far and in all.
func (c *Client) Upload(ctx context.Context, u Upload, told func(done, total int64)) (commit string, err error) {
	about := subject{name: u.To, upload: true}
	if c.settings.Token.IsZero() || c.settings.Offline {
		return "", fault.WithHint(fault.New(fault.Invalid, "%s: no token is set, or the hub is not to be asked", about),
			"set HF_TOKEN to a token that may write to %s, and unset HF_HUB_OFFLINE", u.To.Repo)
	}
	files, err := prepare(u)
	if err != nil {
		return "", err
	}
	if err := c.makeRepo(ctx, about, u.Private); err != nil {
		return "", err
	}
	if err := c.askModes(ctx, about, files); err != nil {
		return "", err
	}
	if err := c.sendLarge(ctx, about, files, told); err != nil {
		return "", err
	}
	return c.commit(ctx, about, u.Message, files)
}

// prepare computes digests.
func prepare(u Upload) ([]*sent, error) {
	var files []*sent
	for _, name := range u.Files {
		if err := checkFile(name); err != nil {
			return nil, fault.New(fault.Invalid, "upload %q: expected a path inside the repository", name)
		}
		f := &sent{name: name, path: filepath.Join(u.Folder, filepath.FromSlash(name))}
		var err error
		if f.size, f.sha256, f.git, err = digests(f.path); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// makeRepo makes the repository unless it is there: the hub answers 409 then.
func (c *Client) makeRepo(ctx context.Context, about subject, private bool) error {
	owner, name, _ := strings.Cut(about.name.Repo, "/")
	ask := map[string]any{"type": "model", "name": name, "organization": owner, "private": private}
	err := c.exchange(ctx, about, c.settings.Endpoint+"/api/repos/create", jsonType, ask, nil)
	var status statusError
	if errors.As(err, &status) && status.status == http.StatusConflict {
		return nil
	}
	if fault.Is(err, fault.Invalid) { // a token may be allowed to write to a repository and not to make one
		if _, listErr := c.list(ctx, Name{Repo: about.name.Repo, Revision: defaultRevision}); listErr == nil {
			return nil
		}
	}
	return err
}

// askModes asks of each file how it is to be sent, and whether the branch has it.
func (c *Client) askModes(ctx context.Context, about subject, files []*sent) error {
	type entry struct {
		Path   string `json:"path"`
		Sample string `json:"sample"`
		Size   int64  `json:"size"`
	}
	var ask struct {
		Files []entry `json:"files"`
	}
	for _, f := range files {
		sample, err := beginning(f.path)
		if err != nil {
			return err
		}
		ask.Files = append(ask.Files, entry{f.name, base64.StdEncoding.EncodeToString(sample), f.size})
	}
	var answer struct {
		Files []struct {
			Path, UploadMode, OID string
			ShouldIgnore          bool
		}
	}
	address := c.settings.Endpoint + "/api/models/" + about.name.Repo + "/preupload/" + url.PathEscape(about.name.Revision)
	if err := c.exchange(ctx, about, address, jsonType, ask, &answer); err != nil {
		return err
	}
	for _, f := range files {
		found := false
		for _, a := range answer.Files {
			if a.Path != f.name {
				continue
			}
			found = true
			if a.ShouldIgnore {
				return fault.New(fault.Invalid, "%s: the repository's .gitignore leaves out %q, expected it to take every file", about, f.name)
			}
			f.large = a.UploadMode == "lfs" && f.size > 0
			f.alreadyThere = a.OID != "" && (a.OID == f.sha256 || a.OID == f.git)
		}
		if !found {
			return fault.New(fault.Corrupt, "%s: the hub does not say how to send %q", about, f.name)
		}
	}
	return nil
}

// sendLarge sends the large files that the hub's storage lacks.
func (c *Client) sendLarge(ctx context.Context, about subject, files []*sent, told func(done, total int64)) error {
	type object struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	}
	ask := struct {
		Operation string            `json:"operation"`
		Transfers []string          `json:"transfers"`
		Objects   []object          `json:"objects"`
		Algorithm string            `json:"hash_algo"`
		Ref       map[string]string `json:"ref"`
	}{"upload", []string{"basic", "multipart"}, nil, "sha256", map[string]string{"name": about.name.Revision}}
	byOID := map[string]*sent{}
	var total int64
	for _, f := range files {
		if f.large && !f.alreadyThere && byOID[f.sha256] == nil {
			ask.Objects = append(ask.Objects, object{f.sha256, f.size})
			byOID[f.sha256] = f
			total += f.size
		}
	}
	if len(ask.Objects) == 0 {
		return nil
	}
	var answer lfsAnswer
	if err := c.exchange(ctx, about, c.settings.Endpoint+"/"+about.name.Repo+".git/info/lfs/objects/batch", lfsType, ask, &answer); err != nil {
		return err
	}
	var done int64
	for _, o := range answer.Objects {
		f := byOID[o.OID]
		if f == nil {
			return fault.New(fault.Corrupt, "%s: the hub answers for a file that was not asked about", about)
		}
		delete(byOID, o.OID)
		progress := func(n int64) {
			if told != nil {
				told(done+n, total)
			}
		}
		if err := c.sendObject(ctx, subject{name: about.name, file: f.name, upload: true}, f, o, progress); err != nil {
			return err
		}
		done += f.size
		progress(0)
	}
	if len(byOID) > 0 {
		return fault.New(fault.Corrupt, "%s: the hub does not say where to send %d of its files", about, len(byOID))
	}
	return nil
}

// commit makes the files appear. One that is repeated after a lost answer leaves the branch with the same files.
func (c *Client) commit(ctx context.Context, about subject, message string, files []*sent) (string, error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	line := func(key string, value any) error { return encoder.Encode(map[string]any{"key": key, "value": value}) }
	if err := line("header", map[string]string{"summary": message, "description": ""}); err != nil {
		return "", err
	}
	changed := 0
	for _, f := range files {
		if f.alreadyThere {
			continue
		}
		changed++
		value := map[string]any{"path": f.name, "algo": "sha256", "oid": f.sha256, "size": f.size}
		key := "lfsFile"
		if !f.large {
			content, err := os.ReadFile(f.path)
			if err != nil {
				return "", onDisk(err)
			}
			key, value = "file", map[string]any{"path": f.name, "encoding": "base64", "content": base64.StdEncoding.EncodeToString(content)}
		}
		if err := line(key, value); err != nil {
			return "", err
		}
	}
	if changed == 0 {
		there, err := c.list(ctx, about.name)
		return there.commit, err
	}
	var answer struct {
		OID string `json:"commitOid"`
	}
	address := c.settings.Endpoint + "/api/models/" + about.name.Repo + "/commit/" + url.PathEscape(about.name.Revision)
	if err := c.post(ctx, about, address, linesType, lines.Bytes(), &answer); err != nil {
		return "", err
	}
	if !commitHash.MatchString(answer.OID) {
		return "", fault.New(fault.Corrupt, "%s: %s names no commit", about, c.settings.Endpoint)
	}
	return answer.OID, nil
}

// exchange posts JSON to an address and reads the answer into answer, unless that is nil.
func (c *Client) exchange(ctx context.Context, about subject, address, mediaType string, ask, answer any) error {
	text, err := json.Marshal(ask)
	if err != nil {
		return fmt.Errorf("%s: %w", about, err)
	}
	return c.post(ctx, about, address, mediaType, text, answer)
}

func (c *Client) post(ctx context.Context, about subject, address, mediaType string, content []byte, answer any) error {
	return c.ask(ctx, request{method: http.MethodPost, url: address, about: about, body: bytesBody(content, mediaType)}, answer)
}

func bytesBody(content []byte, mediaType string) *body {
	return &body{
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		size: int64(len(content)), mediaType: mediaType,
	}
}

// beginning is what the hub judges a file by.
func beginning(path string) (_ []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, onDisk(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sample, err := io.ReadAll(io.LimitReader(file, sampleBytes))
	if err != nil {
		return nil, onDisk(err)
	}
	return sample, nil
}
