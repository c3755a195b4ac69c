package rewards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"elara/spec/fault"
)

// remote is a scorer behind HTTP: a POST of {"answers": [{"prompt", "answer"}]} is answered by {"scores": [...]}. Redirects are not
// followed: the text of patients goes to the server that was named, or nowhere.
type remote struct {
	url     string
	retries int
	pause   time.Duration // before the first retry; it doubles
	client  http.Client
}

// maxReply is the longest reply that is read, in bytes.
const maxReply = 16 << 20

func newRemote(c Config) (*remote, error) {
	timeout, err := c.timeout()
	return &remote{url: c.URL, retries: c.Retries, pause: 200 * time.Millisecond, client: http.Client{
		Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, err
}

// Score implements Scorer. What another try may change is tried again: no connection, a time-out, status 429 and those from 500 on.
func (r *remote) Score(ctx context.Context, answers []Answer) ([]float64, error) {
	body, err := json.Marshal(map[string]any{"answers": answers})
	if err != nil {
		return nil, fmt.Errorf("encode the answers: %w", err)
	}
	pause := r.pause
	for try := 0; ; try++ {
		scores, err := r.post(ctx, body)
		if err == nil || !fault.Is(err, fault.Transient) || try == r.retries {
			return scores, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (r *remote) post(ctx context.Context, body []byte) (scores []float64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	reply, err := r.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fault.New(fault.Transient, "no reply: %w", err)
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	switch {
	case reply.StatusCode == http.StatusTooManyRequests || reply.StatusCode >= 500:
		return nil, fault.New(fault.Transient, "%s answers %s", r.url, reply.Status)
	case reply.StatusCode != http.StatusOK:
		return nil, fault.New(fault.Invalid, "%s answers %s, expected 200", r.url, reply.Status)
	}
	var answered struct {
		Scores []*float64 `json:"scores"`
	}
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return nil, fault.New(fault.Transient, "read the reply of %s: %w", r.url, err)
	}
	if err := json.Unmarshal(text, &answered); err != nil {
		return nil, fault.New(fault.Invalid, `%s answers something else than {"scores": [...]}`, r.url)
	}
	for i, score := range answered.Scores {
		if score == nil { // how JSON writes NaN, where it writes it at all
			return nil, fault.New(fault.Diverged, "the score of answer %d is null", i+1)
		}
		scores = append(scores, *score)
	}
	return scores, nil
}
