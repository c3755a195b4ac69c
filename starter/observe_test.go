package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"elara/spec"
	"elara/workflows"
)

// fakeServer answers descriptions and queries by workflow ID; what it has no answer for does not exist.
type fakeServer struct {
	client.Client
	described map[string]*workflowservice.DescribeWorkflowExecutionResponse
	queried   map[string]any // nil: nobody answers
}

func (s fakeServer) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if answer, found := s.described[id]; found {
		return answer, nil
	}
	return nil, serviceerror.NewNotFound("no workflow " + id)
}

func (s fakeServer) QueryWorkflow(_ context.Context, id, _, _ string, _ ...any) (converter.EncodedValue, error) {
	value, found := s.queried[id]
	if !found || value == nil {
		return nil, serviceerror.NewUnavailable("no worker")
	}
	return encoded{value}, nil
}

// encoded hands a value over as it would come off the wire.
type encoded struct{ value any }

func (e encoded) HasValue() bool { return true }

func (e encoded) Get(into any) error {
	data, err := json.Marshal(e.value)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func describedPipeline(stage string) *workflowservice.DescribeWorkflowExecutionResponse {
	payload, _ := converter.GetDefaultDataConverter().ToPayload(stage)
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: "pipeline.r", RunId: "1"},
		Type:      &commonpb.WorkflowType{Name: workflows.PipelineWorkflow},
		Status:    enums.WORKFLOW_EXECUTION_STATUS_RUNNING,
		StartTime: timestamppb.New(newClock().at),
		SearchAttributes: &commonpb.SearchAttributes{
			IndexedFields: map[string]*commonpb.Payload{workflows.ElaraStage.GetName(): payload},
		},
	}}
}

// pendingTraining is a training whose activity has reported this much, in its attempt-th try.
func pendingTraining(t *testing.T, p spec.Progress, attempt int32, failure string) *workflowservice.DescribeWorkflowExecutionResponse {
	t.Helper()
	details, err := converter.GetDefaultDataConverter().ToPayloads(p)
	require.NoError(t, err)
	pending := &workflowpb.PendingActivityInfo{
		HeartbeatDetails: details, LastHeartbeatTime: timestamppb.New(newClock().at), Attempt: attempt, State: enums.PENDING_ACTIVITY_STATE_STARTED,
	}
	if failure != "" {
		pending.LastFailure = &failurepb.Failure{Message: failure}
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflowpb.PendingActivityInfo{pending}}
}

func step(n int64) spec.Progress {
	return spec.Progress{Stage: spec.StageTrain, Adapter: "patient", Step: n, TotalSteps: 40, Loss: 2, TokensPerSecond: 430}
}

func TestObserverPutsStagesAndHeartbeatsTogether(t *testing.T) {
	c := newClock()
	ref := spec.ArtifactRef{Kind: spec.KindAdapter, Digest: digest("a")}
	status := spec.PipelineStatus{
		Run: "r", Name: "demo", Stage: spec.StageTrain,
		Adapters: []spec.AdapterStatus{
			{Adapter: "general", WorkflowID: "train.r.general", TrainRows: 9, EvalRows: 1, Ref: ref},
			{Adapter: "patient", WorkflowID: "train.r.patient"},
			{Adapter: "doctor", WorkflowID: "train.r.doctor"},
			{Adapter: "emergency", WorkflowID: "train.r.emergency", Ref: ref},
		},
		Skipped: []spec.SkippedStage{{Stage: "train/emergency", Reason: "trained before"}},
	}
	server := fakeServer{
		described: map[string]*workflowservice.DescribeWorkflowExecutionResponse{
			"pipeline.r":      describedPipeline(spec.StageTrain),
			"train.r.patient": pendingTraining(t, step(10), 2, "heartbeat timeout"),
		},
		queried: map[string]any{
			"pipeline.r":      status,
			"train.r.general": spec.Progress{Stage: spec.StageTrain, Adapter: "general", Step: 40, TotalSteps: 40, Loss: 1.5},
		},
	}
	o := newObserver(server, runInfo{Run: "r", WorkflowID: "pipeline.r"}, c.now)
	c.pass(time.Minute)
	first, err := o.look(t.Context())
	require.NoError(t, err)
	want := []adapterView{
		{Adapter: "general", TrainRows: 9, EvalRows: 1, Done: true, Progress: spec.Progress{Stage: spec.StageTrain, Adapter: "general", Step: 40, TotalSteps: 40, Loss: 1.5}},
		{Adapter: "patient", Progress: step(10), Trouble: "attempt 2, after: heartbeat timeout"},
		{Adapter: "doctor"}, // asked for, but not there yet
		{Adapter: "emergency", Done: true, Unchanged: "trained before"},
	}
	require.Equal(t, view{Run: "r", WorkflowID: "pipeline.r", State: "running", Stage: spec.StageTrain, Elapsed: time.Minute, Adapters: want, Status: status}, first)

	// 10 steps in 30 s leave 20 steps for 60 s more.
	server.described["train.r.patient"] = pendingTraining(t, step(20), 1, "")
	c.pass(30 * time.Second)
	second, err := o.look(t.Context())
	require.NoError(t, err)
	require.Equal(t, adapterView{Adapter: "patient", Progress: step(20), Left: time.Minute}, second.Adapters[1])

	// Whoever has no device waits for one.
	waiting := pendingTraining(t, spec.Progress{}, 1, "")
	waiting.PendingActivities[0].State = enums.PENDING_ACTIVITY_STATE_SCHEDULED
	server.described["train.r.doctor"] = waiting

	// Between two segments there is no activity, and a worker that took over reports from its checkpoint on.
	server.described["train.r.patient"] = &workflowservice.DescribeWorkflowExecutionResponse{}
	third, err := o.look(t.Context())
	require.NoError(t, err)
	require.Equal(t, step(20), third.Adapters[1].Progress)
	require.Equal(t, adapterView{Adapter: "doctor", Queued: true}, third.Adapters[2])
}

func TestObserverShowsWhatTheServerKnowsWhenNoWorkerAnswers(t *testing.T) {
	server := fakeServer{described: map[string]*workflowservice.DescribeWorkflowExecutionResponse{"pipeline.r": describedPipeline(spec.StageEvaluate)}}
	seen, err := newObserver(server, runInfo{WorkflowID: "pipeline.r"}, newClock().now).look(t.Context())
	require.NoError(t, err)
	require.Equal(t, spec.StageEvaluate, seen.Stage)
	require.Contains(t, seen.Trouble, "temporal does not answer")
}

func TestObserverShowsTheEvaluationUnderWay(t *testing.T) {
	measuring := spec.Progress{Stage: spec.StageEvaluate, Adapter: "doctor", Step: 12, TotalSteps: 48}
	server := fakeServer{
		described: map[string]*workflowservice.DescribeWorkflowExecutionResponse{
			"pipeline.r": describedPipeline(spec.StageEvaluate),
			"evaluate.r": pendingTraining(t, measuring, 1, ""),
		},
		queried: map[string]any{"pipeline.r": spec.PipelineStatus{Run: "r", Stage: spec.StageEvaluate}},
	}
	seen, err := newObserver(server, runInfo{WorkflowID: "pipeline.r"}, newClock().now).look(t.Context())
	require.NoError(t, err)
	require.Equal(t, measuring, seen.Now)
	require.Empty(t, seen.Trouble)
}
