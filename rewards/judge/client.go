package judge

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"elara/rewards/endpoint"
	"elara/spec"
	"elara/spec/fault"
)

const (
	maxReply     = 1 << 20 // bytes
	maxNewTokens = 8       // of a reply of one letter
)

// Client asks one judge.
type Client struct {
	model string
	at    endpoint.Endpoint
}

// New makes a client; an empty token is not sent.
func New(plan spec.JudgePlan, token string) *Client {
	return &Client{model: plan.Model, at: endpoint.Endpoint{
		URL: strings.TrimSuffix(plan.URL, "/") + "/chat/completions", Token: token,
		Timeout: time.Duration(plan.Timeout * float64(time.Second)), Retries: plan.Retries, MaxReply: maxReply,
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

// ask gives the reply's text.
func (c *Client) ask(ctx context.Context, prompt string) (string, error) {
	reply, err := c.at.Post(ctx, map[string]any{
		"model": c.model, "temperature": 0, "max_tokens": maxNewTokens,
		"messages": []map[string]string{{"role": "system", "content": instruction}, {"role": "user", "content": prompt}},
	})
	if err != nil {
		return "", err
	}
	var completion struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if json.Unmarshal(reply, &completion) != nil || len(completion.Choices) == 0 {
		return "", fault.New(fault.Invalid, "%s answers something else than a chat completion", c.at.URL)
	}
	return completion.Choices[0].Message.Content, nil
}
