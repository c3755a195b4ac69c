package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func TestWhatAnAdapterHasByHeartReachesTheGates(t *testing.T) {
	s := newScene(t)
	s.served = spec.Incumbents{Base: ref(spec.KindBaseModel, "7"), Adapters: []spec.CandidateAdapter{{Name: "patient", Ref: ref(spec.KindAdapter, "9")}}}
	var measured []spec.EvaluateTargetInput
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		measured = append(measured, in)
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3}, nil
	}
	s.recalled = func(in spec.EvaluateTargetInput) (spec.MemoryResult, error) {
		if in.Target.Name == "general" {
			return spec.MemoryResult{Unchanged: "as before"}, nil
		}
		return spec.MemoryResult{}, nil
	}
	var judged spec.GateInput
	s.judge = func(in spec.GateInput) (spec.GateResult, error) {
		judged = in
		return spec.GateResult{Verdict: spec.Reject, Adapters: []spec.AdapterGate{{Adapter: "patient", Verdict: spec.Reject, Reasons: []string{"memory: 1 of 8 canaries are found"}}}}, nil
	}
	in := gatedInput()
	in.Evaluate.Memory = spec.MemoryPlan{
		Parts: []spec.MemoryPart{spec.PartCanaries}, Canaries: spec.CanaryPlan{Count: 8, Candidates: 1024, Seed: 42}, Repeats: 2,
	}
	s.OnUpsertMemo(map[string]any{VerdictMemo: "reject (patient reject)"}).Return(nil).Once()
	decided := s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	s.AssertExpectations(t)

	require.Equal(t, spec.Planting{Count: 8, Repeats: 2, Seed: 42}, s.planted)
	require.Contains(t, s.called(), "ask memory of patient")
	require.NotContains(t, s.called(), "ask memory of general", "it was asked before")
	require.Equal(t, ref(spec.KindReport, "6"), judged.Targets[1].Score.Memory.Report)
	require.Equal(t, "as before", judged.Targets[0].Score.Memory.Unchanged)
	require.Len(t, measured, 3)
	require.Equal(t, ref(spec.KindAdapter, "9"), measured[2].Target.Adapter)
	require.True(t, measured[2].Plan.Memory.IsZero(), "what is served was asked before it was released")
	require.Nil(t, judged.Targets[1].IncumbentScore.Memory)

	require.Equal(t, spec.Reject, result.Gates.Verdict)
	require.Zero(t, decided.decision.DecidedAt, "nobody is asked")
	require.Zero(t, result.Release)
	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Contains(t, pipelineDetails(status), "- memory: 1 of 8 canaries are found")
}

func TestNothingIsPlantedOrAskedWithoutAPlan(t *testing.T) {
	s := newScene(t)
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, gatedInput())
	s.finish(t)
	require.Zero(t, s.planted)
	require.NotContains(t, s.called(), "find memory of patient")
}

func TestMemoryPlanThatFindsNothingIsRefused(t *testing.T) {
	s := newScene(t)
	in := gatedInput()
	in.Evaluate.Memory = spec.MemoryPlan{Parts: []spec.MemoryPart{spec.PartCanaries}, Canaries: spec.CanaryPlan{Count: 8, Candidates: 10}, Repeats: 1}
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, fault.Invalid, s.kind(t))
	require.Empty(t, s.called())
}

func TestDetailsOfAnEvaluationAreFiguresWithIntervals(t *testing.T) {
	text := scoreDetails([]spec.AdapterScore{{
		Adapter: "patient", Rows: 40, BaseLoss: 3, AdapterLoss: 1.5,
		Comparisons: []spec.Comparison{{Metric: spec.MetricTone, Items: 12, Gain: spec.Estimate{Value: 0.2, Low: 0.1, High: 0.3}}, {Metric: spec.MetricSafety}},
		Memory:      &spec.MemoryResult{Verdict: spec.Reject, Reasons: []string{"1 of 8 canaries are found, at most 0 may be"}},
	}, {}})
	require.Contains(t, text, "| patient | 40 | 3.0000 | 1.5000 |\n")
	require.Contains(t, text, "\npatient beside its base, gain with 95 % interval:\n- tone: 0.200 (0.100 to 0.300) on 12 items\n\n"+
		"patient has by heart: **reject**, 1 of 8 canaries are found, at most 0 may be\n")
}
