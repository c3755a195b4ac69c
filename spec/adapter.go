package spec

// AdapterInput is the input of the training workflow of one adapter.
type AdapterInput struct {
	Run     RunID       `json:"run"`
	Plan    AdapterPlan `json:"plan"`
	Base    ArtifactRef `json:"base"`
	Dataset ArtifactRef `json:"dataset"`
}

// SegmentInput asks a worker to train from the newest valid checkpoint up to a step.
type SegmentInput struct {
	AdapterInput
	UntilStep int64 `json:"until_step"` // yield at this step; the end of training comes first when it is smaller
}

// SegmentResult is where the segment ended.
type SegmentResult struct {
	Outcome     TrainOutcome `json:"outcome"`
	Adapter     ArtifactRef  `json:"adapter,omitzero"`  // set when Outcome.Done
	ResumedFrom int64        `json:"resumed_from"`      // 0: it began at the beginning
	Skipped     []string     `json:"skipped,omitempty"` // checkpoints that did not verify, with the reason
	Token       int64        `json:"token"`             // fencing token of the lease it worked under
	// TokensPerSecond is that of the last step; real tokens.
	TokensPerSecond float64 `json:"tokens_per_second,omitempty"`
}

// AdapterResult is what training one adapter gave.
type AdapterResult struct {
	Adapter AdapterName  `json:"adapter"`
	Ref     ArtifactRef  `json:"ref"`
	Outcome TrainOutcome `json:"outcome"`
	// Unchanged says why an earlier adapter was taken instead of training one; empty: it was trained.
	Unchanged string `json:"unchanged,omitempty"`
}
