package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

const (
	maxReply     = 1 << 20 // bytes
	maxNewTokens = 8       // of a reply of one letter
	firstPause   = 200 * time.Millisecond
)

// Client asks one judge.
type Client struct {
	plan  spec.JudgePlan
	token string
	pause time.Duration // before the first retry; it doubles
	http  http.Client
}

// New makes a client; an empty token is not sent.
func New(plan spec.JudgePlan, token string) *Client {
	return &Client{plan: plan, token: token, pause: firstPause, http: http.Client{
		Timeout:       time.Duration(plan.Timeout * float64(time.Second)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Compare shows a pair in both orders.
func (c *Client) Compare(ctx context.Context, pair Pair) (Verdict, error) {
	first, err := c.ask(ctx, pair.prompt(pair.Old, pair.New))
	if err != nil {
		return "", err
	}
	second, err := c.ask(ctx, pair.prompt(pair.New, pair.Old))
	return both(first, second), err
}

// ask gives the reply's text. What another try may change is tried again: no connection, a time-out, status 429 and those from 500 on.
func (c *Client) ask(ctx context.Context, prompt string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"model": c.plan.Model, "temperature": 0, "max_tokens": maxNewTokens,
		"messages": []map[string]string{{"role": "system", "content": instruction}, {"role": "user", "content": prompt}},
	})
	if err != nil {
		return "", err
	}
	pause := c.pause
	for try := 0; ; try++ {
		reply, err := c.post(ctx, body)
		if err == nil || !fault.Is(err, fault.Transient) || try == c.plan.Retries {
			return reply, err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (c *Client) post(ctx context.Context, body []byte) (text string, err error) {
	to := strings.TrimSuffix(c.plan.URL, "/") + "/chat/completions"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return "", fault.New(fault.Invalid, "%w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	reply, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fault.New(fault.Transient, "no reply: %w", err)
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	switch {
	case reply.StatusCode == http.StatusTooManyRequests || reply.StatusCode >= 500:
		return "", fault.New(fault.Transient, "%s answers %d", to, reply.StatusCode)
	case reply.StatusCode != http.StatusOK:
		return "", fault.New(fault.Invalid, "%s answers %d, expected 200", to, reply.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return "", fault.New(fault.Transient, "read the reply of %s: %w", to, err)
	}
	var completion struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if json.Unmarshal(content, &completion) != nil || len(completion.Choices) == 0 {
		return "", fault.New(fault.Invalid, "%s answers something else than a chat completion", to)
	}
	return completion.Choices[0].Message.Content, nil
}
