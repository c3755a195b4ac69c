package spec

import (
	"slices"

	"elara/spec/fault"
)

// MemoryPart is one way to ask how much of its training rows a model has by heart.
type MemoryPart string

const (
	PartCanaries   MemoryPart = "canaries"   // how well it knows rows that were planted to be found
	PartVerbatim   MemoryPart = "verbatim"   // which rows it tells word for word
	PartMembership MemoryPart = "membership" // whether its loss tells training rows from others
)

// MemoryParts lists them.
func MemoryParts() []MemoryPart { return []MemoryPart{PartCanaries, PartVerbatim, PartMembership} }

// Check refuses unknown parts.
func (p MemoryPart) Check() error {
	if !slices.Contains(MemoryParts(), p) {
		return fault.New(fault.Invalid, "part %q: expected canaries, verbatim or membership", string(p))
	}
	return nil
}

// MemoryPlan is what the evaluation of a pipeline asks each adapter about its training rows. The zero plan asks nothing.
type MemoryPlan struct {
	Parts    []MemoryPart `json:"parts"`
	MaxRows  int          `json:"max_rows"` // as in MemoryJob
	Seed     int64        `json:"seed"`
	Canaries CanaryPlan   `json:"canaries,omitzero"` // zero where they are no part
	Repeats  int          `json:"repeats,omitempty"` // how often each canary is planted among the training rows of every adapter
	Bounds   MemoryBounds `json:"bounds"`
}

// IsZero reports whether nothing is asked.
func (p MemoryPlan) IsZero() bool { return len(p.Parts) == 0 }

// Check refuses a plan that could find nothing.
func (p MemoryPlan) Check() error {
	for _, part := range p.Parts {
		if err := part.Check(); err != nil {
			return err
		}
	}
	if !slices.Contains(p.Parts, PartCanaries) {
		return nil
	}
	if p.Repeats < 1 {
		return fault.New(fault.Invalid, "%d repeats of each canary: expected at least 1", p.Repeats)
	}
	return p.Canaries.Check()
}

// Planting is what the preparation has to plant for it.
func (p MemoryPlan) Planting() Planting {
	if !slices.Contains(p.Parts, PartCanaries) {
		return Planting{}
	}
	return Planting{Count: p.Canaries.Count, Repeats: p.Repeats, Seed: p.Canaries.Seed}
}

// Planting is which canaries stand among the training rows of an adapter; the zero value: none.
type Planting struct {
	Count   int   `json:"count"`
	Repeats int   `json:"repeats"` // how often each stands there
	Seed    int64 `json:"seed"`
}

// CanariesFile is the name that rows.jsonl gives to where canaries come from; no source of a pipeline has it.
const CanariesFile = "canaries"

// MemoryJob asks how much of its training rows a model has by heart, on this machine, with local paths. Package configs reads,
// checks and fills it.
type MemoryJob struct {
	BaseModel     string       `json:"base_model"`        // as in LoRAJob
	Adapter       string       `json:"adapter,omitempty"` // folder in PEFT form; empty: the base itself is asked
	TrainDataPath string       `json:"train_data_path"`   // the rows that it was trained on, with the canaries that were planted
	EvalDataPath  string       `json:"eval_data_path"`    // rows of the same kind that it was not trained on
	Parts         []MemoryPart `json:"parts"`

	Audience  Audience `json:"audience"` // of the canaries' template
	MaxLength int      `json:"max_length"`
	// CompletionOnlyLoss is as in LoRAJob: only answers were trained, and only they are looked at.
	CompletionOnlyLoss bool         `json:"completion_only_loss,omitempty"`
	MaxRows            int          `json:"max_rows"` // most rows of each file, drawn by Seed; 0: all
	Seed               int64        `json:"seed"`
	Canaries           CanaryPlan   `json:"canaries"`
	Bounds             MemoryBounds `json:"bounds"`
}

// Asks reports whether a part is asked.
func (j MemoryJob) Asks(part MemoryPart) bool { return slices.Contains(j.Parts, part) }

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
	Parts      []MemoryPart `json:"parts"` // that were asked; the figures of others are left out
	Bounds     MemoryBounds `json:"bounds"`
	Canaries   []Exposure   `json:"canaries,omitempty"`
	Found      Estimate     `json:"found,omitzero"` // share of the canaries that are found
	Verbatim   Verbatim     `json:"verbatim,omitzero"`
	Membership Membership   `json:"membership,omitzero"`
	// BaseMembership is the same of the base, which has seen neither file: an AUC other than 0.5 says that they differ in kind.
	BaseMembership *Membership `json:"base_membership,omitempty"` // nil without an adapter
	Report         ArtifactRef `json:"report,omitzero"`           // of a pipeline: memory.json, with the lines of Verbatim
	Unchanged      string      `json:"unchanged,omitempty"`       // as in AdapterScore
}

// Asks reports whether a part was asked.
func (r MemoryResult) Asks(part MemoryPart) bool { return slices.Contains(r.Parts, part) }

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
	Rows     int      `json:"rows"`            // looked at
	TooShort int      `json:"too_short"`       // of them, that have fewer tokens than count as word for word
	Longest  int      `json:"longest"`         // tokens of the longest run in any row
	Told     int      `json:"told"`            // rows that the model tells and its base does not
	Share    Estimate `json:"share,omitzero"`  // of the rows that are long enough; zero where none is
	Lines    []int64  `json:"lines,omitempty"` // of the told rows in the training file; left out where figures travel alone
}

// Membership is the loss-threshold test of membership.
type Membership struct {
	TrainedRows int      `json:"trained_rows"`
	HeldOutRows int      `json:"held_out_rows"`
	Threshold   float64  `json:"threshold"` // mean loss of the training rows, in nats per token
	AUC         Estimate `json:"auc"`
	// PAbove is the one-sided p-value of "the AUC is within its bound", HolmAbove the same adjusted for all that is tested with it.
	PAbove    float64 `json:"p_above"`
	HolmAbove float64 `json:"p_above_holm"`
	Advantage float64 `json:"advantage"`
}
