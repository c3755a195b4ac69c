package hub

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Patience says how long a client waits, and how often it tries.
type Patience struct {
	Tries       int           // of a request that fails for a reason that may pass; transfers count from the last byte won
	FirstWait   time.Duration // before the second try; it doubles from then on
	LongestWait time.Duration // between tries, where the hub names no time itself
	Obey        time.Duration // the longest time named by the hub that is waited; beyond it the call fails
	Answer      time.Duration // for an answer that is short, or for the head of one that is long
	Stall       time.Duration // between two pieces of a body
}

// DefaultPatience waits about half a minute for a hub that is down.
func DefaultPatience() Patience {
	return Patience{
		Tries: 6, FirstWait: time.Second, LongestWait: 8 * time.Second, Obey: 5 * time.Minute,
		Answer: 30 * time.Second, Stall: time.Minute,
	}
}

// Client fetches models. It may be used by several goroutines, and beside other clients and Python on the same cache.
type Client struct {
	settings Settings
	patience Patience
	http     *http.Client
	wait     func(context.Context, time.Duration) error
}

// New checks the settings and makes a client with the default patience.
func New(settings Settings) (*Client, error) { return NewWith(settings, DefaultPatience()) }

// NewWith makes a client with another patience.
func NewWith(settings Settings, patience Patience) (*Client, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: patience.Answer}).DialContext,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // sizes, ranges and digests are those of the files
		TLSHandshakeTimeout:   patience.Answer,
		ResponseHeaderTimeout: patience.Answer,
		IdleConnTimeout:       time.Minute,
	}
	return &Client{
		settings: settings,
		patience: patience,
		wait:     wait,
		http: &http.Client{
			Transport: transport,
			// Redirects are followed by hand: whether the token may go along depends on where they lead.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// wait passes the time, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
