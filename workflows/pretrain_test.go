package workflows

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"elara/spec"
	"elara/spec/fault"
)

// better is the base model that comes out of the continued pre-training.
var better = ref(spec.KindBaseModel, "9")

// pretrainedTo is a segment that ended at a step.
func pretrainedTo(step int64) spec.PretrainSegmentResult {
	var result spec.PretrainSegmentResult
	result.Outcome = spec.TrainOutcome{Step: step, TotalSteps: totalSteps, Done: step == totalSteps, Loss: 0.5, EvalLoss: 0.6}
	if result.Outcome.Done {
		result.Model = better
	}
	return result
}

// pretrainingPipeline is the pipeline of two adapters with the stage before them.
func pretrainingPipeline() spec.PipelineInput {
	in := pipelineInput()
	in.Approval.TimeoutHours = 1 // nobody decides
	in.Pretrain = spec.PretrainPlan{Sources: []spec.CorpusSource{{Path: "corpus.txt"}}, LongDocuments: spec.LongSplit, SegmentSteps: 10}
	return in
}

func TestAdaptersAreTrainedOnThePretrainedModel(t *testing.T) {
	s := newScene(t)
	s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
		require.Equal(t, better, in.Base)
		return segmentTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		require.Equal(t, better, in.Base)
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3, BaseLoss: 2, AdapterLoss: 1}, nil
	}
	s.ExecuteWorkflow(Pipeline, pretrainingPipeline())
	result := s.finish(t)
	require.Equal(t, []string{"import", "corpus", "find pretrained", "pretrain 10", "pretrain 20", "pretrain 30"}, s.called()[4:10])
	require.Equal(t, better, result.Base)
	require.Equal(t, better, result.Pretrain.Model)
	require.Equal(t, ref(spec.KindBaseModel, "b"), result.Pretrain.Base)
	require.Equal(t, int64(12), result.Pretrain.Corpus.TrainDocs)
	require.Equal(t, int64(totalSteps), result.Pretrain.Outcome.Step)

	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Equal(t, &spec.PretrainStatus{WorkflowID: "pretrain.run-1", Base: ref(spec.KindBaseModel, "b"), Documents: 12, Ref: better, Steps: totalSteps}, status.Pretrain)
	require.Contains(t, pipelineDetails(status), "Continued pre-training of base model `bbbbbbbbbbbb` on 12 documents gave base model `999999999999`.")
}

func TestPipelineWithoutACorpusHasNoSuchStage(t *testing.T) {
	s := newScene(t)
	s.ExecuteWorkflow(Pipeline, func() spec.PipelineInput {
		in := pipelineInput()
		in.Approval.TimeoutHours = 1
		return in
	}())
	result := s.finish(t)
	require.Nil(t, result.Pretrain)
	require.NotContains(t, s.called(), "corpus")
	text, err := json.Marshal(pipelineInput())
	require.NoError(t, err)
	require.NotContains(t, string(text), "pretrain", "what is recorded of such a pipeline is what always was")
}

func TestUnchangedModelIsNotTrainedAgain(t *testing.T) {
	s := newScene(t)
	s.pretrained = func(in spec.PretrainTarget) (spec.PretrainResult, error) {
		require.Equal(t, ref(spec.KindCorpus, "3"), in.Corpus)
		return spec.PretrainResult{Model: better, Base: in.Base, Unchanged: "made before"}, nil
	}
	s.ExecuteWorkflow(Pipeline, pretrainingPipeline())
	result := s.finish(t)
	require.Equal(t, better, result.Base)
	require.Equal(t, spec.SkippedStage{Stage: "pretrain", Reason: "made before"}, result.Skipped[0])
	require.NotContains(t, s.called(), "pretrain 10")
}

func TestFailedPretrainingEndsThePipelineBeforeTheAdapters(t *testing.T) {
	s := newScene(t)
	s.pretrain = func(spec.PretrainSegmentInput) (spec.PretrainSegmentResult, error) {
		return spec.PretrainSegmentResult{}, failed(fault.Diverged)
	}
	s.ExecuteWorkflow(Pipeline, pretrainingPipeline())
	require.Equal(t, fault.Diverged, s.kind(t))
	require.NotContains(t, s.called(), "find general")
}

func TestAdapterMayNotHaveTheNameOfTheStage(t *testing.T) {
	in := pretrainingPipeline()
	in.Adapters[0].Name = spec.PretrainName
	require.ErrorContains(t, in.Check(), "adapter pretrain: the name is that of the continued pre-training")
	in.Pretrain = spec.PretrainPlan{}
	require.NoError(t, in.Check())
	in.Pretrain = pretrainingPipeline().Pretrain
	in.Pretrain.SegmentSteps = 0
	require.ErrorContains(t, in.Check(), "pretrain: segment of 0 steps")
}

// A long pre-training is carried from run to run of its workflow: all of the state, and nothing is collected again.
func TestPretrainingGoesOnAsNew(t *testing.T) {
	s := newScene(t)
	s.pretrain = func(in spec.PretrainSegmentInput) (spec.PretrainSegmentResult, error) {
		var result spec.PretrainSegmentResult
		result.Outcome = spec.TrainOutcome{Step: in.UntilStep, TotalSteps: 1 << 40, Loss: 0.25}
		result.Skipped = []string{"a damaged one"}
		return result, nil
	}
	state := PretrainState{PretrainInput: spec.PretrainInput{Run: "run-1", Plan: pretrainingPipeline().Pretrain, Base: ref(spec.KindBaseModel, "b")}, Queue: "elara-train-cpu"}
	s.ExecuteWorkflow(Pretrain, state)
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(s.GetWorkflowError(), &next), "%v", s.GetWorkflowError())
	var carried PretrainState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	state.Corpus = spec.CorpusResult{Corpus: ref(spec.KindCorpus, "3"), TrainDocs: 12}
	state.Segments, state.Outcome = segmentsPerRun, spec.TrainOutcome{Step: segmentsPerRun * 10, TotalSteps: 1 << 40, Loss: 0.25}
	for range skippedKept {
		state.Skipped = append(state.Skipped, "a damaged one")
	}
	require.Equal(t, state, carried)

	s = newScene(t)
	s.ExecuteWorkflow(Pretrain, PretrainState{PretrainInput: state.PretrainInput, Corpus: state.Corpus, Queue: state.Queue, Segmented: Segmented{Segments: 1, Outcome: spec.TrainOutcome{Step: 20}}})
	require.NoError(t, s.GetWorkflowError())
	require.Equal(t, []string{"pretrain 30"}, s.called())
}
