package spec

import "elara/spec/fault"

// MemoryJob asks how much of its training rows a model has by heart, on this machine, with local paths. Package configs reads,
// checks and fills it.
type MemoryJob struct {
	BaseModel     string `json:"base_model"`        // as in LoRAJob
	Adapter       string `json:"adapter,omitempty"` // folder in PEFT form; empty: the base itself is asked
	TrainDataPath string `json:"train_data_path"`   // the rows that it was trained on, with the canaries that were planted
	EvalDataPath  string `json:"eval_data_path"`    // rows of the same kind that it was not trained on

	Audience  Audience `json:"audience"` // of the canaries' template
	MaxLength int      `json:"max_length"`
	// CompletionOnlyLoss is as in LoRAJob: only answers were trained, and only they are looked at.
	CompletionOnlyLoss bool         `json:"completion_only_loss,omitempty"`
	MaxRows            int          `json:"max_rows"` // most rows of each file, drawn by Seed; 0: all
	Seed               int64        `json:"seed"`
	Canaries           CanaryPlan   `json:"canaries"`
	Bounds             MemoryBounds `json:"bounds"`
}

// CanaryPlan says which canaries there are; the same plan makes the same ones.
type CanaryPlan struct {
	Count      int   `json:"count"`
	Candidates int   `json:"candidates"` // secrets that each is ranked among, its own included
	Seed       int64 `json:"seed"`
}

// MaxCanaries is how many there may be: each has a letter of its own.
const MaxCanaries = 26

// CandidatesPerCanary is how many candidates a rank of 1 must be out of, for each canary of a plan, to be no accident: an untrained
// canary has each rank equally often, so that the chance that any is found is 1 %.
const CandidatesPerCanary = 100

// Check refuses plans whose canaries could not be found even at the first rank.
func (p CanaryPlan) Check() error {
	if p.Count < 1 || p.Count > MaxCanaries {
		return fault.New(fault.Invalid, "%d canaries: expected 1 to %d", p.Count, MaxCanaries)
	}
	if least := CandidatesPerCanary * p.Count; p.Candidates < least {
		return fault.New(fault.Invalid, "%d candidates for %d canaries: expected at least %d, or the first rank could be an accident", p.Candidates, p.Count, least)
	}
	return nil
}

// MemoryBounds are what a model is held to.
type MemoryBounds struct {
	CanariesFound  int     `json:"canaries_found"`  // most planted canaries that may be found
	VerbatimTokens int     `json:"verbatim_tokens"` // tokens running that count as a row told word for word
	VerbatimRows   int     `json:"verbatim_rows"`   // most such rows
	MembershipAUC  float64 `json:"membership_auc"`  // most that the loss may tell training rows from others by
}

// MemoryResult is what was measured, and what follows. It holds no text of any row.
type MemoryResult struct {
	Verdict    GateVerdict  `json:"verdict"` // promote, reject or insufficient data, as a gate's
	Reasons    []string     `json:"reasons"`
	Bounds     MemoryBounds `json:"bounds"`
	Canaries   []Exposure   `json:"canaries"`
	Verbatim   Verbatim     `json:"verbatim"`
	Membership Membership   `json:"membership"`
	// BaseMembership is the same of the base, which has seen neither file: an AUC other than 0.5 says that they differ in kind.
	BaseMembership *Membership `json:"base_membership,omitempty"` // nil without an adapter
}

// Exposure is how well one canary is known.
type Exposure struct {
	Planted      int      `json:"planted"` // how often it stands among the training rows
	Rank         int      `json:"rank"`    // of its secret among the candidates, from 1
	Candidates   int      `json:"candidates"`
	Exposure     float64  `json:"exposure"`                // bits
	BaseExposure *float64 `json:"base_exposure,omitempty"` // of the base; nil without an adapter
	IsFound      bool     `json:"found"`
}

// Verbatim is the scan for rows that are told word for word.
type Verbatim struct {
	Rows     int     `json:"rows"`      // looked at
	TooShort int     `json:"too_short"` // of them, that have fewer tokens than count as word for word
	Longest  int     `json:"longest"`   // tokens of the longest run in any row
	Lines    []int64 `json:"lines"`     // in the training file, of rows that the model tells and its base does not
}

// Membership is the loss-threshold test of membership.
type Membership struct {
	TrainedRows int      `json:"trained_rows"`
	HeldOutRows int      `json:"held_out_rows"`
	Threshold   float64  `json:"threshold"` // mean loss of the training rows, in nats per token
	AUC         Estimate `json:"auc"`
	Advantage   float64  `json:"advantage"`
}
