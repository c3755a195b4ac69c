package spec

import (
	"strings"
	"time"

	"elara/spec/fault"
)

// StagePreferences is the stage that a collection of preferences shows itself in, StagePreferencesOverdue the one while
// it has escalated.
const (
	StagePreferences        = "preferences"
	StagePreferencesOverdue = "preferences-overdue"
)

// EndReason says why a collection takes no more judgements.
type EndReason string

const (
	EndComplete EndReason = "complete" // every pair has its judgements
	EndTotal    EndReason = "total"    // as many judgements as were wanted in all
	EndDeadline EndReason = "deadline"
	EndClosed   EndReason = "closed" // by a person
	// EndCancelled: the workflow was cancelled. What was said is stored, and there is no result.
	EndCancelled EndReason = "cancelled"
)

// CloseRequest is the argument of the close Update, and its answer. All of it is kept in Temporal's history.
type CloseRequest struct {
	By       string    `json:"by"`
	Reason   string    `json:"reason,omitempty"`
	ClosedAt time.Time `json:"closed_at,omitzero"` // set by the workflow
}

// Check refuses a request of nobody, and one that is longer than it may be.
func (r CloseRequest) Check() error {
	if strings.TrimSpace(r.By) == "" {
		return fault.New(fault.Invalid, "closing a collection needs the name of who does it")
	}
	if err := CheckReviewer(r.By); err != nil {
		return err
	}
	if len(r.Reason) > MaxCloseReason {
		return fault.New(fault.Invalid, "a reason of %d bytes for closing: expected at most %d", len(r.Reason), MaxCloseReason)
	}
	return nil
}

// PreferencesStatus is what the status query of a collection answers.
type PreferencesStatus struct {
	Run         RunID            `json:"run"`
	Name        string           `json:"name"`
	Open        bool             `json:"open"` // it takes judgements
	Ended       EndReason        `json:"ended,omitempty"`
	Closed      CloseRequest     `json:"closed,omitzero"`
	Plan        PreferencesPlan  `json:"plan"`
	Sets        []ArtifactRef    `json:"sets"` // artifacts that hold its pairs
	Pairs       int              `json:"pairs"`
	Complete    int              `json:"complete"` // pairs that have all judgements that are wanted
	Judged      int64            `json:"judged"`   // judgements
	Wanted      int64            `json:"wanted"`   // judgements for all pairs together
	LastJudged  time.Time        `json:"last_judged,omitzero"`
	Escalations int              `json:"escalations"` // since it began
	Overdue     bool             `json:"overdue"`     // it escalated, and nobody has judged since
	Stored      StoredJudgements `json:"stored"`
	Waiting     int              `json:"waiting"`           // judgements kept by Temporal, on their way to the store
	Trouble     string           `json:"trouble,omitempty"` // why the store does not take them
	Reviewers   []ReviewerView   `json:"reviewers"`
	Imports     []ImportReport   `json:"imports,omitempty"` // the last ones
	Importing   int              `json:"importing"`         // artifacts that wait to be imported
	Result      ArtifactRef      `json:"result,omitzero"`   // set when it is over
}

// NextPair is the answer of the next-pair query: what a reviewer should look at.
type NextPair struct {
	Collection RunID   `json:"collection"`
	Pair       Digest  `json:"pair,omitempty"` // empty: there is nothing left for this reviewer
	Number     int     `json:"number,omitempty"`
	First      Outcome `json:"first,omitempty"` // the answer to be shown first, as A
	Left       int     `json:"left"`            // pairs that this reviewer could still judge, this one included
}

// PreferencesResult is what a collection gives when it is over.
type PreferencesResult struct {
	Run         RunID               `json:"run"`
	Ended       EndReason           `json:"ended"`
	Closed      CloseRequest        `json:"closed,omitzero"`
	Judged      int64               `json:"judged"`
	Stored      StoredJudgements    `json:"stored"`
	Preferences CompiledPreferences `json:"preferences"`
	Imports     []ImportReport      `json:"imports,omitempty"` // the last ones
}
