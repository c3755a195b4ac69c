package chain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
	"elara/workflows"
)

// The story of a user: a run, a stale decision, an approval, the same run again, a change that is rejected.
func TestFromRowsToARelease(t *testing.T) {
	th := open(t, "calm")
	th.worker(t, "calm", 0)
	store := th.store(t, "calm")

	first := th.start(t, "calm", input("run-1", "calm"))
	status := first.awaitCandidate(t)
	require.Len(t, status.Scores, 4)

	_, err := first.decide(t, spec.Decision{Verdict: spec.Approved, Candidate: digest("0"), Reviewer: "the reviewer"})
	require.Equal(t, fault.Conflict, refusal(t, err))
	require.ErrorContains(t, err, string(digest("0")))
	require.ErrorContains(t, err, string(status.Candidate.Digest))
	taken, err := first.decide(t, spec.Decision{Verdict: spec.Approved, Candidate: status.Candidate.Digest, Reviewer: "the reviewer", Reason: "clear"})
	require.NoError(t, err)
	result := first.result(t)

	require.Equal(t, taken, result.Decision)
	require.Empty(t, result.Skipped)
	require.Equal(t, status.Candidate, result.Candidate)
	require.Equal(t, "stable", result.Release.Channel)
	released, err := artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Equal(t, status.Candidate.Digest, released.Current().Digest)
	require.Equal(t, "the reviewer", released.Changes[0].Decision.Reviewer)

	// 73 lines, of which 70 are kept: one is too short, one a duplicate, one has four fields.
	require.Equal(t, int64(73), result.Prepare.RowsRead)
	kept := map[string]int64{}
	for _, count := range result.Prepare.Ledger {
		if count.Rows > 0 {
			kept[count.Bucket] = count.Rows
		}
	}
	require.Equal(t, map[string]int64{"kept": 70, "question_too_short": 1, "duplicate": 1, "bad_row:too_many_fields": 1}, kept)
	rows := map[spec.AdapterName]int64{}
	for _, dataset := range result.Prepare.Datasets {
		rows[dataset.Adapter] = dataset.TrainRows + dataset.EvalRows
	}
	require.Equal(t, map[spec.AdapterName]int64{"general": 54, "patient": 62, "doctor": 62, "emergency": 14}, rows)

	for i, name := range []spec.AdapterName{"general", "patient", "doctor", "emergency"} {
		require.Equal(t, name, result.Adapters[i].Adapter)
		require.Equal(t, int64(steps), result.Adapters[i].Outcome.Step)
		require.Equal(t, name, result.Evaluate.Scores[i].Adapter)
		require.Equal(t, 3.0, result.Evaluate.Scores[i].BaseLoss)
		require.Less(t, result.Evaluate.Scores[i].AdapterLoss, 3.0)
		require.NoError(t, artifact.Verify(t.Context(), store, result.Adapters[i].Ref))
		_, manifest, found, _, err := checkpoint.Newest(t.Context(), store, "run-1", name)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, int64(steps), manifest.Step)
		require.Equal(t, int64(3), manifest.Token, "three segments of at most five steps")
	}
	report, err := artifact.ReadFile(t.Context(), store, result.Evaluate.Report, "report.md")
	require.NoError(t, err)
	require.Contains(t, string(report), "## What emergency answers")
	th.showsItself(t)

	second := th.start(t, "calm", input("run-2", "calm"))
	again := second.result(t) // nobody is asked: this candidate is released
	var skipped []string
	for _, stage := range again.Skipped {
		skipped = append(skipped, stage.Stage)
	}
	require.Equal(t, strings.Fields("prepare/clean prepare/general prepare/patient prepare/doctor prepare/emergency "+
		"train/general train/patient train/doctor train/emergency "+
		"evaluate/general evaluate/patient evaluate/doctor evaluate/emergency approval release"), skipped)
	require.Equal(t, result.Candidate, again.Candidate)
	_, _, found, _, err := checkpoint.Newest(t.Context(), store, "run-2", "general")
	require.NoError(t, err)
	require.False(t, found, "it trained all the same")

	changed := input("run-3", "calm")
	changed.Adapters[2].Args.Seed = 4
	changed.Lane = spec.LaneEmergency
	third := th.start(t, "calm", changed)
	candidate := third.awaitCandidate(t).Candidate.Digest
	require.NotEqual(t, result.Candidate.Digest, candidate)
	_, err = third.decide(t, spec.Decision{Verdict: spec.Rejected, Candidate: candidate, Reviewer: "the reviewer"})
	require.NoError(t, err)
	rejected := third.result(t)
	require.Equal(t, spec.Rejected, rejected.Decision.Verdict)
	require.Zero(t, rejected.Release)
	require.Len(t, rejected.Skipped, 5+3+3)
	word, err := artifact.ReadDecision(t.Context(), store, rejected.Approval)
	require.NoError(t, err)
	require.Equal(t, rejected.Decision, word)
	th.hurries(t, workflows.PipelineID("run-3"), workflows.TrainID("run-3", "doctor"))
	released, err = artifact.Current(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Equal(t, result.Candidate.Digest, released.Current().Digest)

	th.asksByHand(t, "calm", released)
	drifts, err := artifact.Drifts(t.Context(), store, "stable")
	require.NoError(t, err)
	require.Len(t, drifts, 4)
	for _, drift := range drifts { // the same rows, and the same adapter served: nothing new to measure
		require.Len(t, drift.Points, 1, drift.Name)
		require.Equal(t, spec.RunID("run-1"), drift.Points[0].Run)
	}

	record(t, th.client, map[string]string{
		"smoke":              workflows.SmokeID("stable", result.Candidate.Digest),
		"pipeline-approved":  workflows.PipelineID("run-1"),
		"pipeline-unchanged": workflows.PipelineID("run-2"),
		"pipeline-rejected":  workflows.PipelineID("run-3"),
		"prepare":            workflows.PrepareID("run-1"),
		"train":              workflows.TrainID("run-1", "patient"),
		"train-unchanged":    workflows.TrainID("run-2", "patient"),
		"evaluate":           workflows.EvaluateID("run-1"),
	})
}

// asksByHand makes the check that follows a flip by hand, with what the run has left beside the pointer.
func (th *theatre) asksByHand(t *testing.T, bucket string, released artifact.Release) {
	t.Helper()
	candidate := released.Current()
	asked := released.Smoke(candidate.Digest)
	require.Len(t, asked.Targets, 4)
	check, err := th.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.SmokeID("stable", candidate.Digest), TaskQueue: controlQueue(bucket),
	}, workflows.SmokeWorkflow, spec.SmokeReleaseInput{Run: "smoke-stable", Channel: "stable", Candidate: candidate, Smoke: asked})
	require.NoError(t, err)
	var result spec.ReleaseResult
	require.NoError(t, check.Get(t.Context(), &result))
	require.Zero(t, result, "all have answered")
}

// hurries makes sure that workflows, children too, go before those without a priority.
func (th *theatre) hurries(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		first, err := th.client.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		require.NoError(t, err)
		require.Equal(t, int32(1), first.GetWorkflowExecutionStartedEventAttributes().GetPriority().GetPriorityKey(), id)
	}
}

// showsItself looks at a finished run as the Temporal UI does.
func (th *theatre) showsItself(t *testing.T) {
	t.Helper()
	query := "ElaraStage='train' AND ElaraAdapter='patient' AND ElaraBaseModel='base' AND ElaraStep=12 AND ElaraEvalLoss>0.5"
	eventually(t, time.Minute, func(ctx context.Context) error { // the list lags behind a little
		found, err := th.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: temporalNamespace, Query: query})
		if err == nil && (len(found.Executions) != 1 || found.Executions[0].Execution.WorkflowId != workflows.TrainID("run-1", "patient")) {
			return fmt.Errorf("found %v", found.Executions)
		}
		return err
	})

	described, err := th.client.DescribeWorkflow(t.Context(), workflows.TrainID("run-1", "patient"), "")
	require.NoError(t, err)
	summary, err := described.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "train patient for the audience patient", summary)
}

func TestBadInputFailsTheRunWithOneLine(t *testing.T) {
	th := open(t, "calm")
	th.worker(t, "calm", 0)
	in := input("run-1", "calm")
	in.Prepare.Sources[0].AnswerColumn = "reply"
	err := th.start(t, "calm", in).Get(t.Context(), nil)
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, string(fault.Invalid), failure.Type())
	require.Contains(t, failure.Message(), `testdata/rows.csv:1: no column "reply"`)
}

// The command itself, built without an engine: it checks its namespace and store, serves, and ends in order.
func TestWorkerCommandServesUntilItIsAskedToStop(t *testing.T) {
	th := open(t, "calm")
	binary := filepath.Join(t.TempDir(), "elara-worker")
	build := exec.Command("go", "build", "-o", binary, "elara/worker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))

	command := exec.Command(binary, "--queues-control", controlQueue("command"), "--telemetry-log-level", "warn")
	command.Env = append(os.Environ(), "ELARA_TEMPORAL_ADDRESS="+th.address, "ELARA_TEMPORAL_NAMESPACE="+temporalNamespace,
		"ELARA_S3_ENDPOINT="+th.endpoint, "ELARA_S3_BUCKET=calm", "ELARA_S3_PATH_STYLE=true",
		"ELARA_S3_ACCESS_KEY="+accessKey, "ELARA_S3_SECRET_KEY="+secretKey,
		"ELARA_CACHE_DIR="+cacheFolder(t), "ELARA_TELEMETRY_METRICS_ADDRESS=127.0.0.1:"+strconv.Itoa(freePort(t)))
	worker := begin(t, command)
	eventually(t, time.Minute, func(ctx context.Context) error {
		queue, err := th.client.DescribeTaskQueue(ctx, controlQueue("command"), enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		if err == nil && len(queue.Pollers) == 0 {
			err = errors.New("nobody polls the queue")
		}
		return err
	})
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	<-worker.ended
	require.NoError(t, worker.err)
}
