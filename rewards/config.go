package rewards

import (
	"bytes"
	"encoding/json"
	"math"
	"net/url"
	"os"
	"slices"
	"time"

	"elara/scoring/safety"
	"elara/spec/fault"
)

// Config is one scorer of a mix.
type Config struct {
	Name   string  `json:"name"`
	Kind   Kind    `json:"kind"`
	Weight float64 `json:"weight"` // of its score in the sum; negative turns it round

	Words   int           `json:"words,omitempty"`   // KindLength: how long an answer is to be
	Rules   []safety.Rule `json:"rules,omitempty"`   // KindSafety: which rules count; none: all
	URL     string        `json:"url,omitempty"`     // KindHTTP
	Timeout string        `json:"timeout,omitempty"` // KindHTTP: of one request, such as 10s; none: 30s
	Retries int           `json:"retries,omitempty"` // KindHTTP: how often a request that failed is sent again
}

// Kind says what a scorer is.
type Kind string

const (
	KindReward Kind = "reward" // the reward model, less its center
	KindLength Kind = "length"
	KindSafety Kind = "safety"
	KindHTTP   Kind = "http"
)

// Bounds of an HTTP scorer.
const (
	defaultTimeout = 30 * time.Second
	maxRetries     = 10
)

// ReadConfig reads a JSON file {"scorers": [...]}.
func ReadConfig(path string) ([]Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.At(path, 0, "cannot be read: %w", err)
	}
	var file struct {
		Scorers []Config `json:"scorers"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fault.At(path, 0, `%w, expected {"scorers": [{"name", "kind", "weight", ...}]}`, err)
	}
	if len(file.Scorers) == 0 {
		return nil, fault.At(path, 0, "scorers is empty, expected at least one")
	}
	names := map[string]bool{}
	for i, c := range file.Scorers {
		if err := c.check(); err != nil {
			return nil, fault.At(path, 0, "scorers[%d]: %w", i, err)
		}
		if names[c.Name] {
			return nil, fault.At(path, 0, "scorers[%d]: a second scorer is called %q, expected names that differ", i, c.Name)
		}
		names[c.Name] = true
	}
	return file.Scorers, nil
}

// check refuses what is missing, and what this kind of scorer does not read.
func (c Config) check() error {
	if c.Name == "" {
		return fault.New(fault.Invalid, "has no name, under which its scores are told")
	}
	if c.Weight == 0 || math.IsNaN(c.Weight) || math.IsInf(c.Weight, 0) {
		return fault.New(fault.Invalid, "weight is %v, expected a number that is not 0", c.Weight)
	}
	for _, k := range []struct {
		key   string
		given bool
		of    Kind
	}{
		{"words", c.Words != 0, KindLength}, {"rules", c.Rules != nil, KindSafety},
		{"url", c.URL != "", KindHTTP}, {"timeout", c.Timeout != "", KindHTTP}, {"retries", c.Retries != 0, KindHTTP},
	} {
		if k.given && k.of != c.Kind {
			return fault.New(fault.Invalid, "%s belongs to kind %s, this is %q", k.key, k.of, c.Kind)
		}
	}
	switch c.Kind {
	case KindReward:
		return nil
	case KindLength:
		if c.Words < 1 {
			return fault.New(fault.Invalid, "words is %d, expected at least 1", c.Words)
		}
		return nil
	case KindSafety:
		for _, rule := range c.Rules {
			if !slices.Contains(safety.AllRules(), rule) {
				return fault.New(fault.Invalid, "rule %q: expected one of %v", rule, safety.AllRules())
			}
		}
		return nil
	case KindHTTP:
		return c.checkHTTP()
	}
	return fault.New(fault.Invalid, "kind %q: expected reward, length, safety or http", c.Kind)
}

func (c Config) checkHTTP() error {
	if to, err := url.Parse(c.URL); err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return fault.New(fault.Invalid, "url %q: expected an http or https address", c.URL)
	}
	if d, err := c.timeout(); err != nil || d <= 0 {
		return fault.New(fault.Invalid, "timeout %q: expected a time such as 10s", c.Timeout)
	}
	if c.Retries < 0 || c.Retries > maxRetries {
		return fault.New(fault.Invalid, "retries is %d, expected 0 to %d", c.Retries, maxRetries)
	}
	return nil
}

func (c Config) timeout() (time.Duration, error) {
	if c.Timeout == "" {
		return defaultTimeout, nil
	}
	return time.ParseDuration(c.Timeout)
}

func (c Config) scorer(model Scorer) (Scorer, error) {
	if err := c.check(); err != nil {
		return nil, named(c.Name, err)
	}
	switch c.Kind {
	case KindLength:
		return length{words: c.Words}, nil
	case KindSafety:
		judge, err := safety.Load()
		rules := c.Rules
		if rules == nil {
			rules = safety.AllRules()
		}
		return safe{judge: judge, rules: rules}, err
	case KindHTTP:
		return newRemote(c)
	}
	if model == nil {
		return nil, named(c.Name, fault.New(fault.Invalid, "there is no reward model, expected one beside the scorers"))
	}
	return model, nil
}
