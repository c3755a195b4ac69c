package workflows

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"elara/spec"
)

// Clients, histories and schedules out in the world hold these names.
func TestPublicNamesStay(t *testing.T) {
	require.Equal(t, []string{"Pipeline", "Prepare", "TrainAdapter", "Evaluate", "decide", "status", "progress", "elara", "elara-train"},
		[]string{PipelineWorkflow, PrepareWorkflow, TrainWorkflow, EvaluateWorkflow, DecideUpdate, StatusQuery, ProgressQuery, ControlQueue, TrainQueue})
	require.Equal(t, []string{"pipeline.r", "prepare.r", "train.r.a", "evaluate.r", "retrain.p", "pipeline.p"},
		[]string{PipelineID("r"), PrepareID("r"), TrainID("r", "a"), EvaluateID("r"), ScheduleID("p"), ScheduledPipelineID("p")})
	require.Equal(t, []string{"CollectPreferences", "judge", "close", "import", "next-pair", "agreement", "waiting", "preferences.r"},
		[]string{PreferencesWorkflow, JudgeUpdate, CloseUpdate, ImportSignal, NextPairQuery, AgreementQuery, WaitingQuery, PreferencesID("r")})
	require.Equal(t, []string{"SmokeRelease", "smoke.stable.cccccccccccc"}, []string{SmokeWorkflow, SmokeID("stable", digest("c"))})
	require.Equal(t, "elara-train-cpu", DeviceQueue("", ""))
	require.Equal(t, "team-cuda", DeviceQueue("team", "cuda"))

	var attributes []string
	for _, key := range SearchAttributes() {
		attributes = append(attributes, key.GetName()+" "+key.GetValueType().String())
	}
	require.Equal(t, []string{
		"ElaraStage Keyword", "ElaraAdapter Keyword", "ElaraBaseModel Keyword", "ElaraDataset Keyword", "ElaraStep Int", "ElaraEvalLoss Double", "ElaraReward Double", "ElaraKL Double",
	}, attributes)
	require.Equal(t, temporal.NewSearchAttributeKeyInt64("ElaraStep"), ElaraStep)
}

// A child workflow is started by its function; the SDK derives the type from the function's name.
func TestWorkflowTypesAreTheNamesOfTheFunctions(t *testing.T) {
	for want, run := range map[string]any{
		PipelineWorkflow: Pipeline, PrepareWorkflow: Prepare, TrainWorkflow: TrainAdapter, EvaluateWorkflow: Evaluate,
		PretrainWorkflow: Pretrain, MergeWorkflow: Merge, DistillWorkflow: Distill, ExportWorkflow: Export, SmokeWorkflow: SmokeRelease,
		PreferencesWorkflow: CollectPreferences, RLHFWorkflow: RLHF, FeedbackWorkflow: TrainFromFeedback,
	} {
		name := runtime.FuncForPC(reflect.ValueOf(run).Pointer()).Name()
		require.Equal(t, want, name[strings.LastIndexByte(name, '.')+1:])
	}
}

func TestRunOf(t *testing.T) {
	long := "pipeline." + strings.Repeat("a", 70)
	for workflowID, want := range map[string]spec.RunID{
		"pipeline.run-7":                        "run-7",
		"pipeline.nightly-2026-11-22T03:00:00Z": "nightly-2026-11-22t03-00-00z",
		"somebody's own ID":                     "somebody-s-own-id",
		"-.-":                                   "run-c3ba3324f63668d3", // of the SHA-256 of the ID, as sha256sum prints it
		long:                                    spec.RunID(strings.Repeat("a", 47) + "-c1a52b3739415467"),
	} {
		got := RunOf(workflowID)
		require.Equal(t, want, got)
		require.NoError(t, got.Check(), workflowID)
	}
	require.Equal(t, spec.RunID("run-7"), RunOf(PipelineID("run-7")))
	require.NotEqual(t, RunOf(long), RunOf(long+"a"))
}
