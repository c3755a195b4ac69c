package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"elara/spec/fault"
)

const maxRedirects = 10

// transient is a failure that may pass, with the time that the hub asks to wait, or 0.
type transient struct {
	error
	after time.Duration
}

func (t transient) Unwrap() error { return t.error }

// request is one question to the hub or to a host that it named.
type request struct {
	method string
	url    string
	from   int64 // first byte that is wanted
	body   *body // what is sent, or nil
	about  subject

	// stay ends at a redirect that leads away from the hub and gives that answer, whose headers describe the file.
	stay bool
}

// body is what a request carries. It is opened anew for each try.
type body struct {
	open      func() (io.ReadCloser, error)
	size      int64
	mediaType string
}

// send asks once, follows redirects, and turns answers that are no success into errors. The caller closes the body.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	for range maxRedirects {
		response, err := c.sendTo(ctx, r)
		if err != nil {
			return nil, err
		}
		location := response.Header.Get("Location")
		if response.StatusCode < 300 || response.StatusCode > 399 || location == "" {
			if response.StatusCode >= 200 && response.StatusCode < 300 {
				return response, nil
			}
			return nil, errors.Join(c.refusal(r.about, response), response.Body.Close())
		}
		next, err := response.Request.URL.Parse(location)
		if err != nil || (next.Scheme != "https" && next.Scheme != "http") {
			return nil, errors.Join(fault.New(fault.Corrupt, "%s: the hub sends the client on to no web address", r.about), response.Body.Close())
		}
		if r.stay && !c.isHub(next) {
			return response, nil
		}
		if err := response.Body.Close(); err != nil {
			return nil, unreachable(r.about, next, err)
		}
		r.url = next.String()
	}
	return nil, fault.New(fault.Corrupt, "%s: more than %d redirects", r.about, maxRedirects)
}

// sendTo asks one address.
func (c *Client) sendTo(ctx context.Context, r request) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, r.url, nil)
	if err != nil {
		return nil, fault.New(fault.Corrupt, "%s: the address cannot be read", r.about)
	}
	if r.body != nil {
		if q.Body, err = r.body.open(); err != nil {
			return nil, err
		}
		q.ContentLength = r.body.size
		q.Header.Set("Accept", r.body.mediaType) // the interface of git-lfs answers in its own
		q.Header.Set("Content-Type", r.body.mediaType)
	}
	q.Header.Set("User-Agent", "elara")
	q.Header.Set("Accept-Encoding", "identity")
	if r.from > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.from))
	}
	if !c.settings.Token.IsZero() && c.isHub(q.URL) {
		q.Header.Set("Authorization", "Bearer "+c.settings.Token.value)
	}
	response, err := c.http.Do(q)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, unreachable(r.about, q.URL, err)
	}
	return response, nil
}

// unreachable says that a host gave no answer. Of its address only the host is shown: the rest may be a signed link, which
// is a secret as long as it holds.
func unreachable(about subject, at *url.URL, err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return transient{error: fault.New(fault.Transient, "%s: no answer from %s: %w", about, at.Host, err)}
}

// isHub reports whether an address belongs to the hub, and may see the token: the endpoint, or the public hub, to which
// mirrors redirect.
func (c *Client) isHub(u *url.URL) bool {
	endpoint, err := url.Parse(c.settings.Endpoint)
	if err == nil && origin(u) == origin(endpoint) {
		return true
	}
	o := origin(u)
	return o == "https://huggingface.co:443" || o == "https://hf.co:443"
}

// origin is scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// short bounds the time of a question whose answer is short.
func (c *Client) short(ctx context.Context, about subject) (context.Context, context.CancelFunc) {
	late := fault.New(fault.Transient, "%s: no answer from %s within %v", about, c.settings.Endpoint, c.patience.Answer)
	return context.WithTimeoutCause(ctx, c.patience.Answer, transient{error: late})
}

// endWhenStalled ends a transfer unless the timer is reset within the patience for a stall: at each piece that moves.
func (c *Client) endWhenStalled(about subject, cancel context.CancelCauseFunc) *time.Timer {
	return time.AfterFunc(c.patience.Stall, func() {
		cancel(transient{error: fault.New(fault.Transient, "%s: %w", about, errStalled)})
	})
}

// ask puts a question whose answer is short JSON until it is answered, and reads that into answer, unless that is nil.
func (c *Client) ask(ctx context.Context, r request, answer any) error {
	return c.retry(ctx, func() (err error) {
		ctx, cancel := c.short(ctx, r.about)
		defer cancel()
		response, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, response.Body.Close()) }()
		text, err := io.ReadAll(io.LimitReader(response.Body, maxListing))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return unreachable(r.about, response.Request.URL, err)
		}
		if answer != nil && json.Unmarshal(text, answer) != nil {
			return fault.New(fault.Corrupt, "%s: %s answers with something other than JSON; is HF_ENDPOINT a hub?", r.about, c.settings.Endpoint)
		}
		return nil
	})
}

// retry runs one piece of work until it succeeds, fails for good, or has failed too often.
func (c *Client) retry(ctx context.Context, work func() error) error {
	for failures := 1; ; failures++ {
		err := work()
		var passing transient
		if err == nil || !errors.As(err, &passing) || failures >= c.patience.Tries {
			return err
		}
		if err := c.pause(ctx, failures, passing); err != nil {
			return err
		}
	}
}

// pause waits before the next try: as long as the hub asks, or twice as long as before.
func (c *Client) pause(ctx context.Context, failures int, passing transient) error {
	d := passing.after
	if d > c.patience.Obey {
		return passing.error
	}
	if d == 0 {
		d = min(c.patience.FirstWait<<(failures-1), c.patience.LongestWait)
	}
	return c.wait(ctx, d)
}
