package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"elara/spec"
)

// Everything in this file is a public interface: clients, running histories and schedules hold these names, so they
// are never renamed, only added.

// Workflow types.
const (
	PipelineWorkflow = "Pipeline"     // spec.PipelineInput -> spec.PipelineResult
	PrepareWorkflow  = "Prepare"      // spec.PrepareInput -> spec.PrepareResult
	PretrainWorkflow = "Pretrain"     // PretrainState -> spec.PretrainResult
	TrainWorkflow    = "TrainAdapter" // TrainState -> spec.AdapterResult
	MergeWorkflow    = "Merge"        // spec.MergeInput -> spec.MergeResult
	DistillWorkflow  = "Distill"      // DistillState -> spec.DistillResult
	EvaluateWorkflow = "Evaluate"     // spec.EvaluateInput -> spec.EvaluateResult
	ExportWorkflow   = "Export"       // spec.ExportsInput -> spec.ExportsResult

	RLHFWorkflow     = "RLHF"              // spec.RLHFInput -> spec.RLHFResult
	FeedbackWorkflow = "TrainFromFeedback" // FeedbackState -> spec.FeedbackResult

	PreferencesWorkflow = "CollectPreferences" // PreferencesState -> spec.PreferencesResult

	SmokeWorkflow = "SmokeRelease" // spec.SmokeReleaseInput -> spec.ReleaseResult, zero when all have answered
)

// Register makes a worker, a replayer or a test environment know all workflows under their public names.
func Register(registry worker.WorkflowRegistry) {
	registry.RegisterWorkflowWithOptions(Pipeline, workflow.RegisterOptions{Name: PipelineWorkflow})
	registry.RegisterWorkflowWithOptions(Prepare, workflow.RegisterOptions{Name: PrepareWorkflow})
	registry.RegisterWorkflowWithOptions(Pretrain, workflow.RegisterOptions{Name: PretrainWorkflow})
	registry.RegisterWorkflowWithOptions(TrainAdapter, workflow.RegisterOptions{Name: TrainWorkflow})
	registry.RegisterWorkflowWithOptions(Merge, workflow.RegisterOptions{Name: MergeWorkflow})
	registry.RegisterWorkflowWithOptions(Distill, workflow.RegisterOptions{Name: DistillWorkflow})
	registry.RegisterWorkflowWithOptions(Evaluate, workflow.RegisterOptions{Name: EvaluateWorkflow})
	registry.RegisterWorkflowWithOptions(Export, workflow.RegisterOptions{Name: ExportWorkflow})
	registry.RegisterWorkflowWithOptions(RLHF, workflow.RegisterOptions{Name: RLHFWorkflow})
	registry.RegisterWorkflowWithOptions(TrainFromFeedback, workflow.RegisterOptions{Name: FeedbackWorkflow})
	registry.RegisterWorkflowWithOptions(CollectPreferences, workflow.RegisterOptions{Name: PreferencesWorkflow})
	registry.RegisterWorkflowWithOptions(SmokeRelease, workflow.RegisterOptions{Name: SmokeWorkflow})
}

// DecideUpdate is the Update of the pipeline workflow by which a reviewer approves or rejects the candidate. It takes
// a spec.Decision and gives back the decision that stands. A refused decision leaves no trace in the history; the
// type of the refusal is a fault kind: Invalid (verdict, reviewer or digest is missing or malformed, or the reviewer is no
// approver), NotFound (no candidate yet), Conflict (another digest, decided already, or the channel serves something else
// than Replaces by now). An approval with Missing above 0 is kept and counts once as many other persons have approved.
const DecideUpdate = "decide"

// Updates and the Signal of a collection of preferences. A refused Update leaves no trace in the history; the type of the
// refusal is a fault kind: Invalid (something is missing or malformed), NotFound (no such reviewer or pair), Conflict (of
// another collection, stale, said otherwise before, or ended), Transient (try again later).
const (
	JudgeUpdate  = "judge"  // spec.Judgement -> spec.RecordedJudgement; the same one again is harmless
	CloseUpdate  = "close"  // spec.CloseRequest -> the one that stands
	ImportSignal = "import" // spec.ImportRequest; the status tells what became of it
)

// VerdictMemo is the key of the memo of a pipeline that tells the verdict of its gates: "reject (general promote, patient reject)".
const VerdictMemo = "ElaraVerdict"

// Queries.
const (
	StatusQuery   = "status"   // of the pipeline workflow -> spec.PipelineStatus; of a collection -> spec.PreferencesStatus
	ProgressQuery = "progress" // of the workflows that train -> spec.Progress as of the last finished segment

	NextPairQuery  = "next-pair" // of a collection, with a reviewer's name -> spec.NextPair
	AgreementQuery = "agreement" // of a collection -> spec.AgreementResult
	WaitingQuery   = "waiting"   // of a collection -> []spec.RecordedJudgement, those that are not in the store yet
)

// Default task queues.
const (
	ControlQueue = "elara"       // workflows, and every activity that needs no model
	TrainQueue   = "elara-train" // stem of the queues that DeviceQueue names
)

// DeviceQueue names the task queue whose workers train and evaluate on one class of device ("cpu", "cuda", …). Each
// of those workers takes up to worker.adapters_at_once activities at a time. Empty arguments stand for the defaults.
func DeviceQueue(stem, device string) string {
	if stem == "" {
		stem = TrainQueue
	}
	if device == "" {
		device = spec.DefaultDevice
	}
	return stem + "-" + device
}

// Search attributes, typed. None of them ever holds text of a row.
var (
	ElaraStage     = temporal.NewSearchAttributeKeyKeyword("ElaraStage")
	ElaraAdapter   = temporal.NewSearchAttributeKeyKeyword("ElaraAdapter")
	ElaraBaseModel = temporal.NewSearchAttributeKeyKeyword("ElaraBaseModel") // its name on a hub, the last element of its path, or its short digest
	ElaraDataset   = temporal.NewSearchAttributeKeyKeyword("ElaraDataset")   // short digest
	ElaraStep      = temporal.NewSearchAttributeKeyInt64("ElaraStep")
	ElaraEvalLoss  = temporal.NewSearchAttributeKeyFloat64("ElaraEvalLoss")
	ElaraReward    = temporal.NewSearchAttributeKeyFloat64("ElaraReward") // mean score of PPO's last answers
	ElaraKL        = temporal.NewSearchAttributeKeyFloat64("ElaraKL")     // of theirs, in nats of an answer
)

// SearchAttributes lists the keys that a namespace must have before a workflow of this package runs in it.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{
		ElaraStage, ElaraAdapter, ElaraBaseModel, ElaraDataset, ElaraStep, ElaraEvalLoss, ElaraReward, ElaraKL,
	}
}
