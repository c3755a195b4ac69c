package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"elara/spec"
	"elara/spec/fault"
)

// What is served is asked the very questions that the candidate was asked, though the files may have changed since.
func TestMultipleChoiceIsFrozenOnceForAllWhoAreAsked(t *testing.T) {
	s := newScene(t)
	s.served = spec.Incumbents{Base: ref(spec.KindBaseModel, "7"), Adapters: []spec.CandidateAdapter{{Name: "patient", Ref: ref(spec.KindAdapter, "9")}}}
	sets := []spec.ChoiceSet{{Form: spec.ChoiceCloze}}
	frozen := 0
	s.frozen = func(in spec.EvaluateInput) (spec.ArtifactRef, error) {
		frozen++
		require.Equal(t, sets, in.Plan.Choices)
		return ref(spec.KindPrompts, "8"), nil
	}
	var asked []spec.EvaluateTargetInput
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		asked = append(asked, in)
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3}, nil
	}
	in := gatedInput()
	in.Evaluate.Choices = sets
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, 1, frozen)
	require.Equal(t, ref(spec.KindPrompts, "8"), result.Evaluate.Choices)
	require.Len(t, asked, 3)
	require.Equal(t, ref(spec.KindAdapter, "9"), asked[2].Target.Adapter)
	for _, one := range asked {
		require.Equal(t, ref(spec.KindPrompts, "8"), one.Choices)
	}
}

func TestQuestionsThatCannotBeReadFailTheRun(t *testing.T) {
	s := newScene(t)
	s.frozen = func(spec.EvaluateInput) (spec.ArtifactRef, error) {
		return spec.ArtifactRef{}, temporal.NewNonRetryableApplicationError("medqa.jsonl:3: label outside the choices", string(fault.Invalid), nil)
	}
	in := gatedInput()
	in.Evaluate.Choices = []spec.ChoiceSet{{Form: spec.ChoiceMedQA, Path: "medqa.jsonl"}}
	s.ExecuteWorkflow(Pipeline, in)
	require.True(t, s.IsWorkflowCompleted())
	require.ErrorContains(t, s.GetWorkflowError(), "medqa.jsonl:3")
	require.NotContains(t, s.called(), "evaluate patient")
}
