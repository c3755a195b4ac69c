package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"elara/spec/fault"
)

// secretPrefix begins the secrets of Standard Webhooks (standardwebhooks.com); base64 of 24 to 64 bytes follows.
const secretPrefix = "whsec_"

// webhook posts messages that are signed as Standard Webhooks has it.
type webhook struct {
	url    string
	secret []byte
	http   *http.Client
	now    func() time.Time
}

func newWebhook(o Options) (*webhook, error) {
	if o.Webhook == "" || o.Secret == "" {
		return nil, fault.New(fault.Invalid, "notify.webhook: expected both url and secret")
	}
	encoded, found := strings.CutPrefix(o.Secret, secretPrefix)
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(secret) < 24 || len(secret) > 64 {
		return nil, fault.WithHint(
			fault.New(fault.Invalid, "notify.webhook.secret: expected %s and base64 of 24 to 64 bytes", secretPrefix),
			"echo whsec_$(openssl rand -base64 32) makes one")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &webhook{url: o.Webhook, secret: secret, http: client, now: time.Now}, nil
}

func (w *webhook) send(ctx context.Context, m message) error {
	id, err := m.id()
	if err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fault.New(fault.Invalid, "encode the message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Invalid, "%w", cause(err))
	}
	stamp := strconv.FormatInt(w.now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", stamp)
	request.Header.Set("webhook-signature", signature(w.secret, id, stamp, body))
	response, err := w.http.Do(request)
	if err != nil {
		return fault.New(fault.Transient, "%w", cause(err))
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection may be used again
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fault.New(fault.Transient, "%w", err)
	}
	switch code := response.StatusCode; {
	case code < http.StatusMultipleChoices:
		return nil
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= http.StatusInternalServerError:
		return fault.New(fault.Transient, "it answers %s, expected 2xx", response.Status)
	default:
		return fault.New(fault.Invalid, "it answers %s, expected 2xx: look at notify.webhook", response.Status)
	}
}

// signature is that of Standard Webhooks, version 1: HMAC-SHA256 of "id.timestamp.body".
func signature(secret []byte, id, stamp string, body []byte) string {
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(id + "." + stamp + "."))
	sum.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// cause leaves the URL out: those of some chats are secrets themselves.
func cause(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
