package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func TestAJudgeIsAskedAndDecidesNothing(t *testing.T) {
	s := newScene(t)
	in := gatedInput()
	in.Evaluate.Judge = spec.JudgePlan{URL: "http://127.0.0.1:1/v1", Model: "large", MaxPairs: 10, Timeout: 1}
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Contains(t, s.called(), "ask judge large about patient")
	require.Equal(t, "no reply", result.Evaluate.Scores[1].Judge.Missing)
	require.Equal(t, candidate.Digest, result.Release.Current, "without its opinion too")
}

func TestAJudgeWithAPasswordInItsAddressIsRefused(t *testing.T) {
	s := newScene(t)
	in := gatedInput()
	in.Evaluate.Judge = spec.JudgePlan{URL: "http://person:secret@example.org/v1", Model: "large", MaxPairs: 10, Timeout: 1}
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, fault.Invalid, s.kind(t))
	require.NotContains(t, s.GetWorkflowError().Error(), "secret")
}
