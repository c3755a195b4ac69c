package spec

// Scorer is one part of a weighted sum that says what an answer is worth.
type Scorer struct {
	Name   string     `json:"name"`
	Kind   ScorerKind `json:"kind"`
	Weight float64    `json:"weight"` // of its score in the sum; negative turns it round

	Words   int      `json:"words,omitempty"`   // ScorerLength: how long an answer is to be
	Rules   []string `json:"rules,omitempty"`   // ScorerSafety: which rules of scoring/safety count; none: all
	URL     string   `json:"url,omitempty"`     // ScorerHTTP
	Timeout string   `json:"timeout,omitempty"` // ScorerHTTP: of one request, such as 10s; none: 30s
	Retries int      `json:"retries,omitempty"` // ScorerHTTP: how often a request that failed is sent again
}

// ScorerKind says what a scorer is.
type ScorerKind string

const (
	ScorerReward ScorerKind = "reward" // the reward model, less its center
	ScorerLength ScorerKind = "length"
	ScorerSafety ScorerKind = "safety"
	ScorerHTTP   ScorerKind = "http"
)
