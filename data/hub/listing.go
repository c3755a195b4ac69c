package hub

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strings"

	"elara/spec/fault"
)

// maxListing bounds the answer that lists a repository's files, in bytes.
const maxListing = 32 << 20

// listing is what a repository holds at a commit.
type listing struct {
	commit string
	files  []string
}

// list asks which commit a revision is, and for its files.
func (c *Client) list(ctx context.Context, name Name) (listing, error) {
	var answer struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
		} `json:"siblings"`
	}
	about := subject{name: name}
	address := c.settings.Endpoint + "/api/models/" + name.Repo + "/revision/" + url.PathEscape(name.Revision)
	err := c.ask(ctx, request{method: http.MethodGet, url: address, about: about}, &answer)
	if err != nil {
		return listing{}, err
	}
	if !commitHash.MatchString(answer.SHA) {
		return listing{}, fault.New(fault.Corrupt, "%s: %s names no commit; is HF_ENDPOINT a hub?", about, c.settings.Endpoint)
	}
	l := listing{commit: answer.SHA}
	for _, file := range answer.Siblings {
		if err := checkFile(file.Name); err != nil {
			return listing{}, fault.New(fault.Corrupt, "%s: %w", about, err)
		}
		l.files = append(l.files, file.Name)
	}
	return l, nil
}

// checkFile refuses names that could lead out of a folder, on any system.
func checkFile(name string) error {
	if name == "" || path.Clean(name) != name || path.IsAbs(name) || name == "." || name == ".." || strings.HasPrefix(name, "../") ||
		strings.ContainsAny(name, "\\:\x00\r\n") {
		return fault.New(fault.Corrupt, "the hub lists a file %q, expected a path inside the repository", name)
	}
	return nil
}
