package spec

import (
	"slices"
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

// Nothing stands for the digest of what a channel serves where somebody says that it serves none.
const Nothing Digest = "nothing"

// Decision is a named human's word on one exact candidate. It is the argument of the decide Update, stored as an artifact,
// and kept with the release.
type Decision struct {
	Verdict   Verdict   `json:"verdict"`
	Candidate Digest    `json:"candidate"` // digest of the candidate artifact the reviewer looked at
	Reviewer  string    `json:"reviewer"`
	Reason    string    `json:"reason,omitempty"`
	DecidedAt time.Time `json:"decided_at,omitzero"` // set by the workflow
	// Replaces is what the reviewer knows the channel to serve, or Nothing. Empty: what it served when the candidate was offered.
	Replaces  Digest      `json:"replaces,omitempty"`
	ExpiresAt time.Time   `json:"expires_at,omitzero"` // set by the workflow; zero: an approval is good for ever
	Cosigned  []Signature `json:"cosigned,omitempty"`  // set by the workflow: who approved the same after the reviewer
	Missing   int         `json:"missing,omitempty"`   // set by the workflow: signatures of other persons until it counts
}

// Signature is a further person's approval of the same candidate.
type Signature struct {
	Reviewer  string    `json:"reviewer"`
	Reason    string    `json:"reason,omitempty"`
	DecidedAt time.Time `json:"decided_at"`
}

// Check refuses a decision that names nobody, nothing or no verdict.
func (d Decision) Check() error {
	if d.Verdict != Approved && d.Verdict != Rejected {
		return fault.New(fault.Invalid, "verdict %q: expected approved or rejected", string(d.Verdict))
	}
	if Person(d.Reviewer) == "" {
		return fault.New(fault.Invalid, "a decision needs the reviewer's name")
	}
	if d.Replaces != "" && d.Replaces != Nothing {
		if err := d.Replaces.Check(); err != nil {
			return err
		}
	}
	return d.Candidate.Check()
}

// InForce refuses to release by a decision that is not, or not any more, an approval by all whose word it takes.
func (d Decision) InForce(now time.Time) error {
	switch {
	case d.Verdict != Approved:
		return fault.New(fault.Invalid, "candidate %s is %s by %s, expected approved", d.Candidate.Short(), d.Verdict, d.Signers())
	case d.Missing > 0:
		return fault.New(fault.Invalid, "candidate %s is approved by %s, expected %d more signatures", d.Candidate.Short(), d.Signers(), d.Missing)
	case !d.ExpiresAt.IsZero() && now.After(d.ExpiresAt):
		return fault.New(fault.Conflict, "the approval of candidate %s by %s expired at %s: run the pipeline again, and have it approved anew",
			d.Candidate.Short(), d.Signers(), d.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// Signers names all whose word the decision is.
func (d Decision) Signers() string {
	names := d.Reviewer
	for _, s := range d.Cosigned {
		names += " and " + s.Reviewer
	}
	return names
}

// SignedBy reports whether a person's word is part of the decision.
func (d Decision) SignedBy(name string) bool {
	return SamePerson(d.Reviewer, name) || slices.ContainsFunc(d.Cosigned, func(s Signature) bool { return SamePerson(s.Reviewer, name) })
}

// Person is the form in which names are compared and kept: without spaces around, and with single ones inside.
func Person(name string) string { return strings.Join(strings.Fields(name), " ") }

// SamePerson compares names, whatever their case and spaces.
func SamePerson(a, b string) bool { return strings.EqualFold(Person(a), Person(b)) }

// CandidateInput asks for the candidate artifact: the adapters and their evaluation under one digest.
type CandidateInput struct {
	Run       RunID           `json:"run"`
	Base      ArtifactRef     `json:"base"`
	Adapters  []AdapterResult `json:"adapters"`
	Audiences []Audience      `json:"audiences"`        // as Adapters
	Merged    ArtifactRef     `json:"merged,omitzero"`  // of the pipeline's merge, where it has one
	Student   ArtifactRef     `json:"student,omitzero"` // of its distillation, likewise
	Report    ArtifactRef     `json:"report"`
}

// Candidate is the file candidate.json of a candidate artifact: what a reviewer decides on and a channel serves. It
// names no run: the same adapters with the same report are the same candidate, whenever they were made.
type Candidate struct {
	Base     ArtifactRef        `json:"base"`
	Adapters []CandidateAdapter `json:"adapters"`         // in the order of the plan
	Merged   ArtifactRef        `json:"merged,omitzero"`  // one model of these adapters, where the pipeline merges them
	Student  ArtifactRef        `json:"student,omitzero"` // smaller model that learnt from one of them, where the pipeline distils
	Report   ArtifactRef        `json:"report"`
}

// CandidateFile is the one file of a candidate artifact.
const CandidateFile = "candidate.json"

// CandidateAdapter is one adapter of a candidate.
type CandidateAdapter struct {
	Name     AdapterName `json:"name"`
	Audience Audience    `json:"audience,omitempty"`
	Ref      ArtifactRef `json:"ref"`
}
