package hub

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"elara/spec/fault"
)

// metadata is what the hub says about a file of a commit.
type metadata struct {
	etag     string
	size     int64  // -1 where the hub does not say
	location string // where the bytes are
}

// etagForm is what may become the name of a blob.
var etagForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,199}$`)

// describe asks for one file's metadata. A large file is described by the redirect that leads to its bytes, so a redirect
// away from the hub is not followed.
func (c *Client) describe(ctx context.Context, about subject, commit string) (metadata, error) {
	ctx, cancel := c.short(ctx, about)
	defer cancel()
	address := c.settings.Endpoint + "/" + about.name.Repo + "/resolve/" + commit + "/" + escapePath(about.file)
	response, err := c.send(ctx, request{method: http.MethodHead, url: address, about: about, stay: true})
	if err != nil {
		return metadata{}, err
	}
	if err := response.Body.Close(); err != nil {
		return metadata{}, unreachable(about, response.Request.URL, err)
	}
	if got := response.Header.Get("X-Repo-Commit"); got != commit {
		return metadata{}, fault.New(fault.Corrupt, "%s: the hub answers for commit %q, expected %q; is HF_ENDPOINT a hub?", about, got, commit)
	}
	etag := response.Header.Get("X-Linked-Etag")
	if etag == "" {
		etag = response.Header.Get("ETag")
	}
	m := metadata{etag: strings.Trim(strings.TrimPrefix(etag, "W/"), `"`), size: -1, location: response.Request.URL.String()}
	if !etagForm.MatchString(m.etag) {
		return metadata{}, fault.New(fault.Corrupt, "%s: the hub gives the ETag %q, expected a digest", about, etag)
	}
	if response.StatusCode < 300 {
		m.size = response.ContentLength
	} else if next, err := response.Location(); err == nil { // away from the hub, or send would have followed
		m.location = next.String()
	}
	if linked := response.Header.Get("X-Linked-Size"); linked != "" {
		if m.size, err = strconv.ParseInt(linked, 10, 64); err != nil || m.size < 0 {
			return metadata{}, fault.New(fault.Corrupt, "%s: the hub gives the size %q, expected a number", about, linked)
		}
	}
	return m, nil
}

// escapePath escapes a path for an address, but for its slashes.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}
