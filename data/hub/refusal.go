package hub

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"elara/spec/fault"
)

// subject is what a request is about, for errors.
type subject struct {
	name   Name
	file   string // "" for the list of files, or the repository as a whole
	upload bool   // it is sent, not fetched
}

func (s subject) String() string {
	what, doing := s.name.String(), "fetch "
	if s.file != "" {
		what = s.file + " of " + what
	}
	if s.upload {
		doing = "upload "
	}
	return doing + what
}

// refusal turns an answer that is no success into an error. The hub says what is meant in X-Error-Code; the status alone
// does not tell a private model from a missing one.
func (c *Client) refusal(about subject, response *http.Response) error {
	hub, status := c.settings.Endpoint, response.StatusCode
	switch response.Header.Get("X-Error-Code") {
	case "RevisionNotFound":
		return fault.New(fault.NotFound, "model %q has no revision %q on %s", about.name.Repo, about.name.Revision, hub)
	case "EntryNotFound":
		return fault.New(fault.NotFound, "model %q has no file %q on %s", about.name, about.file, hub)
	case "GatedRepo":
		return fault.WithHint(fault.New(fault.Invalid, "model %q is gated, and %s", about.name.Repo, c.standing()),
			"accept its terms at %s/%s, and set HF_TOKEN to a token that may read it", hub, about.name.Repo)
	case "RepoNotFound":
		return c.noModel(about)
	}
	if response.Header.Get("X-Error-Message") == "Access to this resource is disabled." {
		return fault.New(fault.NotFound, "model %q is disabled on %s", about.name.Repo, hub)
	}
	if response.Request != nil && !c.isHub(response.Request.URL) && (status == http.StatusForbidden || status == http.StatusUnauthorized) {
		// The host that holds the bytes: its link was signed by the hub, and holds for minutes. A new one helps.
		return transient{error: fault.New(fault.Transient, "%s: %s no longer takes the link that the hub gave (status %d)",
			about, response.Request.URL.Host, status)}
	}
	switch {
	case status == http.StatusUnauthorized && response.Header.Get("X-Error-Message") == "Invalid credentials in Authorization header":
		return fault.WithHint(fault.New(fault.Invalid, "%s refuses the token", hub), "set HF_TOKEN to a valid one, or unset it")
	case status == http.StatusUnauthorized || status == http.StatusNotFound && about.file == "":
		return c.noModel(about)
	case status == http.StatusForbidden:
		if about.upload {
			return fault.WithHint(fault.New(fault.Invalid, "%s does not allow to write to model %q", hub, about.name.Repo),
				"HF_TOKEN needs the right to write to this repository")
		}
		return fault.WithHint(fault.New(fault.Invalid, "%s does not allow to read model %q: %s", hub, about.name.Repo, c.standing()),
			"HF_TOKEN needs the right to read this repository")
	case status == http.StatusNotFound:
		return fault.New(fault.NotFound, "model %q has no file %q on %s", about.name, about.file, hub)
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500:
		return transient{
			error: fault.New(fault.Transient, "%s: %s answers with status %d", about, response.Request.URL.Host, status),
			after: askedWait(response),
		}
	}
	return statusError{fault.New(fault.Invalid, "%s: %s answers with status %d", about, response.Request.URL.Host, status), status}
}

// statusError is an answer that means nothing here; who asked may know more.
type statusError struct {
	error
	status int
}

func (s statusError) Unwrap() error { return s.error }

// noModel is said for missing and for private models alike, since the hub does.
func (c *Client) noModel(about subject) error {
	return fault.WithHint(fault.New(fault.NotFound, "there is no model %q on %s, or it is private and %s", about.name.Repo, c.settings.Endpoint, c.standing()),
		"expected owner/name as on the hub, and HF_TOKEN for a private model")
}

// standing says with which rights the hub was asked.
func (c *Client) standing() string {
	if c.settings.Token.IsZero() {
		return "no token is set"
	}
	return "the token may not read it"
}

// rateLimit matches the header RateLimit: how many requests are left, and in how many seconds there are new ones.
var rateLimit = regexp.MustCompile(`"\w+"\s*;\s*r\s*=\s*(\d+)\s*;\s*t\s*=\s*(\d{1,9})`)

// askedWait is how long the hub asks to wait, or 0. A second more spares a wait that ends a moment too early.
func askedWait(response *http.Response) time.Duration {
	if m := rateLimit.FindStringSubmatch(response.Header.Get("RateLimit")); m != nil && strings.Trim(m[1], "0") == "" &&
		response.StatusCode == http.StatusTooManyRequests {
		if seconds, err := strconv.Atoi(m[2]); err == nil {
			return time.Duration(seconds+1) * time.Second
		}
	}
	if seconds, err := strconv.ParseUint(strings.TrimSpace(response.Header.Get("Retry-After")), 10, 31); err == nil {
		return time.Duration(seconds+1) * time.Second
	}
	return 0
}
