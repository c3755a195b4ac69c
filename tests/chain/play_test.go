package chain

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/spec"
	"elara/spec/fault"
	"elara/tests/toy"
	"elara/worker/serve"
	"elara/workflows"
)

const (
	steps        = 12
	segmentSteps = 5
)

// trainer is the toy; given a step, it kills its own process there.
func trainer(killAt string) toy.Trainer {
	at, err := strconv.ParseInt(killAt, 10, 64)
	if err != nil {
		return toy.Trainer{}
	}
	return toy.Trainer{Step: func(_ spec.LoRAJob, step int64) {
		if step == at {
			die()
		}
	}}
}

// toyEngine is what most workers of these tests train with.
func toyEngine() *serve.Engine {
	trainer := trainer(os.Getenv(killAtVar))
	return &serve.Engine{
		Device: "cpu", Trainer: trainer, Pretrainer: toy.Pretrainer{Trainer: trainer}, Merger: toy.Merger{},
		Distiller: toy.Distiller{Trainer: trainer, Model: "../../data/export/testdata/llama"}, Evaluator: toy.Evaluator{},
		Feedback: toy.Feedback{Trainer: trainer}, Sampler: toy.Feedback{},
	}
}

func input(run spec.RunID, bucket string) spec.PipelineInput {
	in := spec.PipelineInput{
		Run: run, Name: "chain", Base: spec.BaseSource{Path: "testdata/base"},
		Prepare: spec.PrepareConfig{
			Sources: []spec.DataSource{{
				Path: "testdata/rows.csv", QuestionColumn: "question", AnswerColumn: "answer", AudienceColumn: "audience",
			}},
			Clean:       spec.CleanConfig{QuestionLongerThan: 10, QuestionShorterThan: 512, AnswerLongerThan: 20, AnswerShorterThan: 1024},
			EvalPercent: 25, Seed: 42,
		},
		Evaluate:   spec.EvaluatePlan{Questions: []string{"What is asthma?"}, MaxNewTokens: 16},
		Release:    spec.ReleasePlan{Channel: "stable", SmokeQuestion: "When is chest pain an emergency?"},
		TrainQueue: trainQueue(bucket),
	}
	for _, audience := range spec.Audiences() {
		plan := spec.AdapterPlan{
			Name: spec.AdapterName(audience), Audience: audience, SegmentSteps: segmentSteps, LoRA: spec.LoRAConfig{R: 8},
			Args: spec.TrainingArgs{MaxSteps: steps, SaveSteps: 2, Seed: 3},
		}
		if audience == spec.Emergency {
			plan.Match = []string{"(?i)ambulance"}
		}
		in.Adapters = append(in.Adapters, plan)
	}
	return in
}

// run is a pipeline under way.
type run struct {
	client.WorkflowRun
	client client.Client
}

func (th *theatre) start(t *testing.T, bucket string, in spec.PipelineInput) run {
	t.Helper()
	started, err := th.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.PipelineID(in.Run), TaskQueue: controlQueue(bucket), StaticSummary: "chain test",
		Priority: workflows.PriorityOf(in.Lane),
	}, workflows.PipelineWorkflow, in)
	require.NoError(t, err)
	return run{started, th.client}
}

// awaitCandidate waits until the pipeline asks for a decision.
func (r run) awaitCandidate(t *testing.T) spec.PipelineStatus {
	t.Helper()
	return r.await(t, func(status spec.PipelineStatus) bool { return status.Stage == spec.StageApproval })
}

// awaitVerdict waits until the gates have judged the candidate.
func (r run) awaitVerdict(t *testing.T) spec.GateResult {
	t.Helper()
	return *r.await(t, func(status spec.PipelineStatus) bool { return status.Gates != nil }).Gates
}

func (r run) await(t *testing.T, isThere func(spec.PipelineStatus) bool) spec.PipelineStatus {
	t.Helper()
	var status spec.PipelineStatus
	eventually(t, patience, func(ctx context.Context) error {
		value, err := r.client.QueryWorkflow(ctx, r.GetID(), "", workflows.StatusQuery)
		if err != nil {
			return err
		}
		if err := value.Get(&status); err != nil {
			return err
		}
		if !isThere(status) {
			return errors.New("stage " + status.Stage)
		}
		return nil
	})
	return status
}

// decide gives the decision that stands, or the refusal.
func (r run) decide(t *testing.T, decision spec.Decision) (spec.Decision, error) {
	t.Helper()
	handle, err := r.client.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: r.GetID(), UpdateName: workflows.DecideUpdate, Args: []any{decision},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return spec.Decision{}, err
	}
	var taken spec.Decision
	return taken, handle.Get(t.Context(), &taken)
}

func (r run) result(t *testing.T) spec.PipelineResult {
	t.Helper()
	var result spec.PipelineResult
	require.NoError(t, r.Get(t.Context(), &result))
	return result
}

// approve finishes a pipeline that waits.
func (r run) approve(t *testing.T) spec.PipelineResult {
	t.Helper()
	candidate := r.awaitCandidate(t).Candidate.Digest
	_, err := r.decide(t, spec.Decision{Verdict: spec.Approved, Candidate: candidate, Reviewer: "the reviewer"})
	require.NoError(t, err)
	return r.result(t)
}

func refusal(t *testing.T, err error) fault.Kind {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	return fault.Kind(failure.Type())
}

func digest(c string) spec.Digest { return spec.Digest(strings.Repeat(c, 64)) }
