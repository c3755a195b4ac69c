package rewards

import (
	"math"
	"net/url"
	"slices"
	"time"

	"elara/scoring/safety"
	"elara/spec"
	"elara/spec/fault"
)

// Bounds of an HTTP scorer.
const (
	defaultTimeout = 30 * time.Second
	maxRetries     = 10
)

// Check refuses a list of scorers that would not work, and gives the index of the one to blame.
func Check(list []spec.Scorer) (index int, err error) {
	names := map[string]bool{}
	for i, c := range list {
		if err := check(c); err != nil {
			return i, err
		}
		if names[c.Name] {
			return i, fault.New(fault.Invalid, "a second scorer is called %q, expected names that differ", c.Name)
		}
		names[c.Name] = true
	}
	return 0, nil
}

// check refuses what is missing, and what this kind of scorer does not read.
func check(c spec.Scorer) error {
	if c.Name == "" {
		return fault.New(fault.Invalid, "has no name, under which its scores are told")
	}
	if c.Weight == 0 || math.IsNaN(c.Weight) || math.IsInf(c.Weight, 0) {
		return fault.New(fault.Invalid, "weight is %v, expected a number that is not 0", c.Weight)
	}
	for _, k := range []struct {
		key   string
		given bool
		of    spec.ScorerKind
	}{
		{"words", c.Words != 0, spec.ScorerLength}, {"rules", c.Rules != nil, spec.ScorerSafety},
		{"url", c.URL != "", spec.ScorerHTTP}, {"timeout", c.Timeout != "", spec.ScorerHTTP}, {"retries", c.Retries != 0, spec.ScorerHTTP},
	} {
		if k.given && k.of != c.Kind {
			return fault.New(fault.Invalid, "%s belongs to kind %s, this is %q", k.key, k.of, c.Kind)
		}
	}
	switch c.Kind {
	case spec.ScorerReward:
		return nil
	case spec.ScorerLength:
		if c.Words < 1 {
			return fault.New(fault.Invalid, "words is %d, expected at least 1", c.Words)
		}
		return nil
	case spec.ScorerSafety:
		for _, rule := range c.Rules {
			if !slices.Contains(safety.AllRules(), safety.Rule(rule)) {
				return fault.New(fault.Invalid, "rule %q: expected one of %v", rule, safety.AllRules())
			}
		}
		return nil
	case spec.ScorerHTTP:
		return checkHTTP(c)
	}
	return fault.New(fault.Invalid, "kind %q: expected reward, length, safety or http", c.Kind)
}

func checkHTTP(c spec.Scorer) error {
	if to, err := url.Parse(c.URL); err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return fault.New(fault.Invalid, "url: expected an http or https address") // unquoted: it may hold a password
	}
	if d, err := timeout(c); err != nil || d <= 0 {
		return fault.New(fault.Invalid, "timeout %q: expected a time such as 10s", c.Timeout)
	}
	if c.Retries < 0 || c.Retries > maxRetries {
		return fault.New(fault.Invalid, "retries is %d, expected 0 to %d", c.Retries, maxRetries)
	}
	return nil
}

func timeout(c spec.Scorer) (time.Duration, error) {
	if c.Timeout == "" {
		return defaultTimeout, nil
	}
	return time.ParseDuration(c.Timeout)
}

func scorer(c spec.Scorer, model Scorer) (Scorer, error) {
	switch c.Kind {
	case spec.ScorerLength:
		return length{words: c.Words}, nil
	case spec.ScorerSafety:
		judge, err := safety.Load()
		var rules []safety.Rule
		for _, rule := range c.Rules {
			rules = append(rules, safety.Rule(rule))
		}
		if rules == nil {
			rules = safety.AllRules()
		}
		return safe{judge: judge, rules: rules}, err
	case spec.ScorerHTTP:
		return newRemote(c)
	}
	if model == nil {
		return nil, named(c.Name, fault.New(fault.Invalid, "there is no reward model, expected one beside the scorers"))
	}
	return model, nil
}
