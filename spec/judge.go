package spec

import (
	"strings"

	"elara/spec/fault"
)

// JudgePlan names a model behind a server that speaks OpenAI's chat completions, to be asked which of two answers is better. The zero
// plan asks nobody.
type JudgePlan struct {
	URL           string  `json:"url"` // of the API, such as http://127.0.0.1:8000/v1
	Model         string  `json:"model"`
	TokenVariable string  `json:"token_variable,omitempty"` // of the control worker's environment, with the bearer token; empty: none is sent
	MaxPairs      int     `json:"max_pairs"`                // of answers, the first ones
	Timeout       float64 `json:"timeout_seconds"`          // of one question
	Retries       int     `json:"retries"`                  // of one question
}

// IsZero reports whether nobody is asked.
func (p JudgePlan) IsZero() bool { return p == JudgePlan{} }

// Check refuses a server that could not be asked, and one whose address holds a secret.
func (p JudgePlan) Check() error {
	if !strings.HasPrefix(p.URL, "http://") && !strings.HasPrefix(p.URL, "https://") || strings.Contains(p.URL, "@") {
		return fault.New(fault.Invalid, "url: expected an http or https address without a password")
	}
	if p.Model == "" {
		return fault.New(fault.Invalid, "model: missing, expected its name")
	}
	if p.MaxPairs < 1 || p.Timeout <= 0 || p.Retries < 0 {
		return fault.New(fault.Invalid, "%d pairs, %v seconds, %d retries: expected at least 1, more than 0, and at least 0", p.MaxPairs, p.Timeout, p.Retries)
	}
	return nil
}

// JudgeInput asks for a judge's opinion on the answers of an adapter beside those of its base.
type JudgeInput struct {
	Run    RunID       `json:"run"`
	Plan   JudgePlan   `json:"plan"`
	Target AdapterName `json:"target"`
	Report ArtifactRef `json:"report"` // of the adapter's score: its answers
}

// JudgeResult is an opinion, which decides nothing. Each pair of answers was shown in both orders.
type JudgeResult struct {
	Model  string `json:"model"`
	Pairs  int    `json:"pairs"`
	Better int    `json:"better"` // the adapter's answer, in both orders
	Worse  int    `json:"worse"`
	Same   int    `json:"same"`   // one of the orders, or both, a tie
	Swayed int    `json:"swayed"` // the answer shown first, or the one shown last, in both orders: no opinion
	Unread int    `json:"unread"` // a reply that named none of them
	// Preference is the share of Better among the pairs where one was better; zero where none was.
	Preference Estimate         `json:"preference,omitzero"`
	Agreement  []JudgeAgreement `json:"agreement,omitempty"`
	Missing    string           `json:"missing,omitempty"`   // why there is no opinion; the rest is zero then
	Unchanged  string           `json:"unchanged,omitempty"` // as in AdapterScore
}

// JudgeAgreement is how often a metric and the judge say the same of a pair: better, worse or neither.
type JudgeAgreement struct {
	Metric Metric   `json:"metric"`
	Pairs  int      `json:"pairs"` // that both have a word on
	Agree  Estimate `json:"agree"`
	// Kappa is Cohen's (Educ Psychol Meas 20, 1960): 0 for the agreement of chance. Nil where one of the two always says the same.
	Kappa *float64 `json:"kappa,omitempty"`
}
