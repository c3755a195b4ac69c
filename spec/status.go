package spec

// Stages of a pipeline, in order, as Progress, PipelineStatus and the search attribute ElaraStage name them.
const (
	StagePrepare  = "prepare"
	StageBase     = "base"
	StageTrain    = "train"
	StageEvaluate = "evaluate"
	StageApproval = "approval"
	StageRelease  = "release"
	StageDone     = "done" // released, rejected or expired
)

// PipelineStatus is what the status query of a pipeline answers: how far it is, and what a reviewer needs to decide.
type PipelineStatus struct {
	Run       RunID           `json:"run"`
	Name      string          `json:"name"`
	Stage     string          `json:"stage"`
	Base      ArtifactRef     `json:"base,omitzero"`
	Pretrain  *PretrainStatus `json:"pretrain,omitempty"` // nil where the pipeline has no such stage, and before it begins
	Adapters  []AdapterStatus `json:"adapters"`           // in the order of the plan
	RLHF      []RLHFStatus    `json:"rlhf,omitempty"`     // as Pretrain
	Merge     *MergeStatus    `json:"merge,omitempty"`    // nil where the pipeline has no such stage, and before it begins
	Distill   *DistillStatus  `json:"distill,omitempty"`  // as Merge
	Scores    []AdapterScore  `json:"scores,omitempty"`   // set after the evaluation
	Report    ArtifactRef     `json:"report,omitzero"`    // set after the evaluation
	Candidate ArtifactRef     `json:"candidate,omitzero"` // set when a decision is awaited
	Gates     *GateResult     `json:"gates,omitempty"`    // set when the gates have judged the candidate
	Drift     []DriftFall     `json:"drift,omitempty"`    // of what the channel served: what has fallen
	Channel   string          `json:"channel,omitempty"`  // that an approval moves
	Replaces  Digest          `json:"replaces,omitempty"` // what the channel served when the candidate was offered
	Approval  ApprovalPlan    `json:"approval,omitzero"`  // who may decide, and how many must
	Signed    []Decision      `json:"signed,omitempty"`   // approvals while further signatures are missing
	Decision  Decision        `json:"decision,omitzero"`  // set when it has been taken
	Release   ReleaseResult   `json:"release,omitzero"`   // set when the pointer was flipped, or would have been
	Export    *ExportStatus   `json:"export,omitempty"`   // as Merge
	Skipped   []SkippedStage  `json:"skipped,omitempty"`
}

// AdapterStatus is one adapter of a pipeline that is under way.
type AdapterStatus struct {
	Adapter    AdapterName `json:"adapter"`
	WorkflowID string      `json:"workflow_id"` // of its training; empty before that has begun
	TrainRows  int64       `json:"train_rows"`
	EvalRows   int64       `json:"eval_rows"`
	Ref        ArtifactRef `json:"ref,omitzero"` // set when it is trained
}
