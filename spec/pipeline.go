package spec

// PipelineInput starts the pipeline workflow: the whole of a pipeline file, resolved and checked by package configs.
type PipelineInput struct {
	Run      RunID         `json:"run"` // empty for scheduled runs: the workflow derives it from its workflow ID
	Name     string        `json:"name"`
	Base     BaseSource    `json:"base"`
	Prepare  PrepareConfig `json:"prepare"`
	Pretrain PretrainPlan  `json:"pretrain,omitzero"`
	Adapters []AdapterPlan `json:"adapters"`        // in file order; that is the order of training and of every report
	Joint    string        `json:"joint,omitempty"` // JointOn or JointOff; empty: JointOn
	RLHF     RLHFPlan      `json:"rlhf,omitzero"`
	Merge    MergePlan     `json:"merge,omitzero"`
	Distill  DistillPlan   `json:"distill,omitzero"`
	Evaluate EvaluatePlan  `json:"evaluate"`
	Gates    GatePlan      `json:"gates,omitzero"`
	Approval ApprovalPlan  `json:"approval"`
	Lane     string        `json:"lane,omitempty"` // LaneNormal or LaneEmergency; empty: LaneNormal
	Release  ReleasePlan   `json:"release"`
	Export   ExportPlan    `json:"export,omitzero"`
	// TrainQueue is the stem of the task queues that serve devices; the class of device follows it. Empty: the default
	// stem of package workflows.
	TrainQueue string `json:"train_queue,omitempty"`
}

// BaseSource says where the base model comes from: a path that the preparing worker can read, a model hub that it can
// reach, or an artifact. One of the three is set.
type BaseSource struct {
	Path     string      `json:"path,omitempty"` // folder in Hugging Face form, or a .gguf file
	Name     string      `json:"name,omitempty"` // owner/name or owner/name@revision on a hub
	Artifact ArtifactRef `json:"artifact,omitzero"`
}

// AdapterPlan is one adapter of a pipeline.
type AdapterPlan struct {
	Name     AdapterName  `json:"name"`
	Audience Audience     `json:"audience"`
	Match    []string     `json:"match,omitempty"` // regular expressions; a row is taken when one matches question or answer; empty: all rows
	MaxRows  int          `json:"max_rows,omitempty"`
	LoRA     LoRAConfig   `json:"lora_config"`
	Args     TrainingArgs `json:"training_args"` // output_dir is set by the worker
	// What LoRAJob has beside the two above.
	MaxLength   int  `json:"max_length"`
	AppendEOS   bool `json:"append_eos"`
	AddPadToken bool `json:"add_pad_token"`
	// CompletionOnlyLoss is as in LoRAJob.
	CompletionOnlyLoss bool `json:"completion_only_loss,omitempty"`
	// Device is the class of device it is trained and evaluated on ("cpu", "cuda", …): it picks the task queue. Empty:
	// DefaultDevice. Adapters of one class of device are equal byte for byte, those of two classes are not.
	Device string `json:"device,omitempty"`
	// SegmentSteps is how many optimiser steps one activity does before it hands back to the workflow.
	SegmentSteps int64     `json:"segment_steps"`
	Gates        GateRules `json:"gates,omitzero"` // what the trained adapter is held to
}

// Values of PipelineInput.Joint.
const (
	JointOn  = "on"  // all adapters at once; a device takes their steps in turn, over one base model
	JointOff = "off" // one after the other
)

// DefaultDevice is the class of device of a plan that names none.
const DefaultDevice = "cpu"

// EvaluatePlan says what the evaluation stage measures.
type EvaluatePlan struct {
	MaxRows      int      `json:"max_rows"`  // held-out rows per adapter; 0: all
	Questions    []string `json:"questions"` // answered by the base and by each adapter, for the reader of the report
	MaxNewTokens int      `json:"max_new_tokens"`
	// AnsweredRows is how many held-out rows are answered too, for their reference answers.
	AnsweredRows int `json:"answered_rows,omitempty"`
	// Choices are sets of multiple-choice questions; together they are the metric choice.
	Choices []ChoiceSet `json:"choices,omitempty"`
	// OtherQuestions is as in EvaluateJob; together the gains are the metric relevance_gain.
	OtherQuestions int           `json:"other_questions,omitempty"`
	Contamination  Contamination `json:"contamination,omitempty"`
	Memory         MemoryPlan    `json:"memory,omitzero"` // what each adapter is asked about its training rows
	Judge          JudgePlan     `json:"judge,omitzero"`  // whose opinion of the answers is asked
}

// Contamination says what becomes of held-out rows that stand in the training rows. Empty: nobody looks.
type Contamination string

const (
	TakeOutSame    Contamination = "same"    // rows with the same words are taken out
	TakeOutOverlap Contamination = "overlap" // and rows that share thirteen words in a row
	RefuseAny      Contamination = "refuse"  // one row with the same words ends the run
)

// ApprovalPlan says how a human's decision is awaited.
type ApprovalPlan struct {
	TimeoutHours float64  `json:"timeout_hours"`         // 0: wait without end
	ValidHours   float64  `json:"valid_hours,omitempty"` // an approval counts for so long; 0: for ever
	Approvers    []string `json:"approvers,omitempty"`   // who may decide; empty: anybody
	Signatures   int      `json:"signatures,omitempty"`  // persons who must approve the same candidate; 0: one
}

// ReleasePlan names the pointer that an approval flips.
type ReleasePlan struct {
	Channel string `json:"channel"` // under the rules of RunID
	// SmokeQuestion is what every released adapter must answer from the store, or the release is taken back. Empty: none is asked.
	SmokeQuestion string `json:"smoke_question,omitempty"`
}

// Values of PipelineInput.Lane.
const (
	LaneNormal    = "normal"
	LaneEmergency = "emergency" // before all others in every task queue; it skips nothing else
)

// PipelineResult is what the pipeline workflow returns.
type PipelineResult struct {
	Run       RunID           `json:"run"`
	Base      ArtifactRef     `json:"base"`
	Prepare   PrepareResult   `json:"prepare"`
	Pretrain  *PretrainResult `json:"pretrain,omitempty"` // nil where the pipeline has no such stage; its model is Base then
	Adapters  []AdapterResult `json:"adapters"`
	RLHF      []RLHFResult    `json:"rlhf,omitempty"`    // of the adapters of the plan; Adapters has their policies then
	Merge     *MergeResult    `json:"merge,omitempty"`   // nil where the pipeline has no such stage
	Distill   *DistillResult  `json:"distill,omitempty"` // as Merge
	Evaluate  EvaluateResult  `json:"evaluate"`
	Candidate ArtifactRef     `json:"candidate"`
	Gates     *GateResult     `json:"gates,omitempty"` // nil where the pipeline has none, and where nothing had to be judged
	Drift     []DriftFall     `json:"drift,omitempty"` // of what the channel served: what has fallen
	Decision  Decision        `json:"decision"`
	Approval  ArtifactRef     `json:"approval,omitzero"` // the decision as an artifact
	Release   ReleaseResult   `json:"release"`
	Export    *ExportsResult  `json:"export,omitempty"` // as Merge, and where nothing was released
	Skipped   []SkippedStage  `json:"skipped,omitempty"`
}

// SkippedStage names a stage that had nothing to do, and why.
type SkippedStage struct {
	Stage  string `json:"stage"` // "prepare", "train/patient", ...
	Reason string `json:"reason"`
}
