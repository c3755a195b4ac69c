package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"elara/spec/fault"
)

// firstPause is the default of Endpoint.Pause.
const firstPause = 200 * time.Millisecond

// Endpoint is a server that takes JSON.
type Endpoint struct {
	URL      string
	Token    string        // shown as a bearer token; empty: none is
	Timeout  time.Duration // of one try
	Retries  int           // how often a question that failed is asked again
	Pause    time.Duration // before the first retry; it doubles; 0: firstPause
	MaxReply int64         // bytes; what is longer is cut
}

// Post gives the reply to a question. What another try may change is tried again: no connection, a time-out, status 429 and those
// from 500 on.
func (e Endpoint) Post(ctx context.Context, question any) ([]byte, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, fault.New(fault.Invalid, "encode what is sent to %s: %w", e.URL, err)
	}
	pause := cmp.Or(e.Pause, firstPause)
	for try := 0; ; try++ {
		reply, err := e.post(ctx, body)
		if err == nil || !fault.Is(err, fault.Transient) || try == e.Retries {
			return reply, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (e Endpoint) post(ctx context.Context, body []byte) (content []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if e.Token != "" {
		request.Header.Set("Authorization", "Bearer "+e.Token)
	}
	client := http.Client{Timeout: e.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fault.New(fault.Transient, "no reply: %w", err)
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	// The words that a server puts behind the number are its own.
	switch code := reply.StatusCode; {
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		return nil, fault.New(fault.Transient, "%s answers %d %s", e.URL, code, http.StatusText(code))
	case code != http.StatusOK:
		return nil, fault.New(fault.Invalid, "%s answers %d %s, expected 200", e.URL, code, http.StatusText(code))
	}
	if content, err = io.ReadAll(io.LimitReader(reply.Body, e.MaxReply)); err != nil {
		return nil, fault.New(fault.Transient, "read the reply of %s: %w", e.URL, err)
	}
	return content, nil
}
