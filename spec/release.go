package spec

import "time"

// OfferInput makes a candidate the one that a channel's reviewers are asked about.
type OfferInput struct {
	Run       RunID       `json:"run"`
	Channel   string      `json:"channel"`
	Candidate ArtifactRef `json:"candidate"`
	Replaces  Digest      `json:"replaces,omitempty"`  // what the channel serves; empty: nothing
	Approvers []string    `json:"approvers,omitempty"` // as in ApprovalPlan
	Smoke     SmokePlan   `json:"smoke,omitzero"`
}

// DecisionInput asks to keep a decision as an artifact.
type DecisionInput struct {
	Run       RunID       `json:"run"`
	Channel   string      `json:"channel"`
	Candidate ArtifactRef `json:"candidate"`
	Decision  Decision    `json:"decision"`
}

// DecisionFile is the one file of a decision artifact, a Decision.
const DecisionFile = "decision.json"

// ReleaseInput asks for the pointer flip of a channel to an approved candidate.
type ReleaseInput struct {
	Run       RunID       `json:"run"`
	Channel   string      `json:"channel"`
	Candidate ArtifactRef `json:"candidate"`
	Decision  Decision    `json:"decision"`
	Approval  ArtifactRef `json:"approval,omitzero"` // the decision as an artifact
	Smoke     SmokePlan   `json:"smoke,omitzero"`
	// Replaces is what the channel must serve for the flip to take place; "": nothing. nil, of a run that began before
	// flips were conditional: whatever it serves.
	Replaces *Digest `json:"replaces,omitempty"`
}

// ReleaseResult is the pointer as it stands after the flip.
type ReleaseResult struct {
	Channel  string `json:"channel"`
	Current  Digest `json:"current"`            // empty: it serves nothing
	Previous Digest `json:"previous,omitempty"` // what it pointed to before; empty at the first release
	Key      string `json:"key"`                // object key of the pointer
	// Unchanged says why there was nothing to flip; empty: the pointer was flipped.
	Unchanged string `json:"unchanged,omitempty"`
	// Refused says why an approved candidate was not released, and what to do; empty: it was.
	Refused string `json:"refused,omitempty"`
	// TakenBack says why the release was undone after the flip; empty: it stands.
	TakenBack string `json:"taken_back,omitempty"`
	// Unchecked says why nobody knows yet whether what the channel was pointed to by hand answers, and what to do; empty: it
	// does, or a run made the flip.
	Unchecked string `json:"unchecked,omitempty"`
}

// SmokePlan is what a candidate is asked whenever a channel comes to point to it. It is kept beside the candidate's offer and
// its releases, so that a flip by hand is followed by the same check. The zero plan asks nothing.
type SmokePlan struct {
	Question   string            `json:"question"`
	Base       ArtifactRef       `json:"base"`
	Targets    []EvaluatedTarget `json:"targets"`               // the candidate's adapters, without data sets
	TrainQueue string            `json:"train_queue,omitempty"` // as in PipelineInput
}

// IsZero reports whether nothing is asked.
func (p SmokePlan) IsZero() bool { return p.Question == "" }

// SmokeReleaseInput asks everything that a channel was pointed to.
type SmokeReleaseInput struct {
	Run       RunID       `json:"run"`
	Channel   string      `json:"channel"`
	Candidate ArtifactRef `json:"candidate"`
	Smoke     SmokePlan   `json:"smoke"`
}

// SmokeInput asks a released adapter one question.
type SmokeInput struct {
	Run      RunID           `json:"run"`
	Base     ArtifactRef     `json:"base"`
	Target   EvaluatedTarget `json:"target"` // without a data set
	Question string          `json:"question"`
}

// SmokeResult is of an adapter that loads and answers.
type SmokeResult struct {
	Adapter AdapterName `json:"adapter"`
	Loss    float64     `json:"loss"` // of the question's own text
}

// TakeBackInput asks to undo a release that turned out bad right after the flip.
type TakeBackInput struct {
	Run       RunID       `json:"run"`
	Channel   string      `json:"channel"`
	Candidate ArtifactRef `json:"candidate"`
	Reason    string      `json:"reason"`
	At        time.Time   `json:"at"`
}
