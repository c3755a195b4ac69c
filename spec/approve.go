package spec

import (
	"strings"
	"time"

	"elara/spec/fault"
)

// Verdict is what a reviewer said.
type Verdict string

const (
	Approved Verdict = "approved"
	Rejected Verdict = "rejected"
	Expired  Verdict = "expired" // nobody decided in time; said by the workflow, never by a reviewer
)

// Decision is a named human's word on one exact candidate. It is the argument of the decide Update, and stored with
// the release.
type Decision struct {
	Verdict   Verdict   `json:"verdict"`
	Candidate Digest    `json:"candidate"` // digest of the candidate artifact the reviewer looked at
	Reviewer  string    `json:"reviewer"`
	Reason    string    `json:"reason,omitempty"`
	DecidedAt time.Time `json:"decided_at,omitzero"` // set by the workflow
}

// Check refuses a decision that names nobody, nothing or no verdict.
func (d Decision) Check() error {
	if d.Verdict != Approved && d.Verdict != Rejected {
		return fault.New(fault.Invalid, "verdict %q: expected approved or rejected", string(d.Verdict))
	}
	if strings.TrimSpace(d.Reviewer) == "" {
		return fault.New(fault.Invalid, "a decision needs the reviewer's name")
	}
	return d.Candidate.Check()
}

// CandidateInput asks for the candidate artifact: the adapters and their evaluation under one digest.
type CandidateInput struct {
	Run      RunID           `json:"run"`
	Base     ArtifactRef     `json:"base"`
	Adapters []AdapterResult `json:"adapters"`
	Merged   ArtifactRef     `json:"merged,omitzero"` // of the pipeline's merge, where it has one
	Report   ArtifactRef     `json:"report"`
}

// Candidate is the file candidate.json of a candidate artifact: what a reviewer decides on and a channel serves. It
// names no run: the same adapters with the same report are the same candidate, whenever they were made.
type Candidate struct {
	Base     ArtifactRef        `json:"base"`
	Adapters []CandidateAdapter `json:"adapters"`        // in the order of the plan
	Merged   ArtifactRef        `json:"merged,omitzero"` // one model of these adapters, where the pipeline merges them
	Report   ArtifactRef        `json:"report"`
}

// CandidateAdapter is one adapter of a candidate.
type CandidateAdapter struct {
	Name AdapterName `json:"name"`
	Ref  ArtifactRef `json:"ref"`
}
