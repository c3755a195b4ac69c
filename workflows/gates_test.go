package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func gatedInput() spec.PipelineInput {
	in := pipelineInput()
	in.Gates = spec.GatePlan{CompareWith: spec.CompareProduction, OnInsufficient: spec.AskAnyway}
	for i := range in.Adapters {
		in.Adapters[i].Gates = spec.DefaultGateRules()
	}
	return in
}

func verdictOf(v spec.GateVerdict, reason string) func(spec.GateInput) (spec.GateResult, error) {
	return func(spec.GateInput) (spec.GateResult, error) {
		return spec.GateResult{Verdict: v, Adapters: []spec.AdapterGate{{Adapter: "patient", Verdict: v, Reasons: []string{reason}}}}, nil
	}
}

func TestWhatTheChannelServesIsMeasuredOnTheSameRows(t *testing.T) {
	s := newScene(t)
	s.served = spec.Incumbents{
		Base:     ref(spec.KindBaseModel, "7"),
		Adapters: []spec.CandidateAdapter{{Name: "general", Ref: adapterOf("general")}, {Name: "patient", Ref: ref(spec.KindAdapter, "9")}},
	}
	var measured []spec.EvaluateTargetInput
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		measured = append(measured, in)
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3, Report: ref(spec.KindReport, string(in.Target.Adapter.Digest[:1]))}, nil
	}
	var judged spec.GateInput
	s.judge = func(in spec.GateInput) (spec.GateResult, error) {
		judged = in
		return spec.GateResult{Verdict: spec.Promote}, nil
	}
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, gatedInput())
	result := s.finish(t)

	require.Equal(t, candidate.Digest, result.Release.Current)
	require.Equal(t, spec.Promote, result.Gates.Verdict)
	require.Len(t, measured, 3, "the general adapter is served already")
	require.Equal(t, ref(spec.KindAdapter, "9"), measured[2].Target.Adapter)
	require.Equal(t, s.served.Base, measured[2].Base, "on its own base")
	require.Equal(t, measured[1].Target.Dataset, measured[2].Target.Dataset)
	require.Zero(t, judged.Targets[0].IncumbentScore)
	require.Equal(t, adapterOf("general"), judged.Targets[0].Incumbent)
	require.Equal(t, ref(spec.KindReport, "9"), judged.Targets[1].IncumbentScore.Report)
	require.Equal(t, ref(spec.KindReport, "d"), judged.Targets[1].Score.Report)
}

func TestTheBaseIsComparedWithWhereAsked(t *testing.T) {
	s := newScene(t)
	in := gatedInput()
	in.Gates.CompareWith = spec.CompareBase
	s.servesOther()
	s.judge = func(in spec.GateInput) (spec.GateResult, error) {
		require.Zero(t, in.Targets[1].Incumbent)
		require.Zero(t, in.Targets[1].IncumbentScore)
		return spec.GateResult{Verdict: spec.Promote}, nil
	}
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	s.finish(t)
	require.Contains(t, s.called(), "judge")
}

func TestOnlyWhatPassesTheGatesReachesAReviewer(t *testing.T) {
	for name, test := range map[string]struct {
		verdict spec.GateVerdict
		policy  string
		isAsked bool
	}{
		"promote":                       {spec.Promote, spec.StopThere, true},
		"reject":                        {spec.Reject, spec.AskAnyway, false},
		"insufficient data, ask anyway": {spec.InsufficientData, spec.AskAnyway, true},
		"insufficient data, stop":       {spec.InsufficientData, spec.StopThere, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.judge = verdictOf(test.verdict, "tone: worse by 0.2")
			in := gatedInput()
			in.Gates.OnInsufficient = test.policy
			decided := s.decideAt(time.Hour, approvalOf(candidate.Digest))
			s.ExecuteWorkflow(Pipeline, in)
			result := s.finish(t)

			require.Equal(t, test.verdict, result.Gates.Verdict)
			require.Equal(t, test.isAsked, result.Decision.Verdict == spec.Approved)
			require.Equal(t, test.isAsked, !decided.decision.DecidedAt.IsZero())
			if !test.isAsked {
				require.Zero(t, result.Release)
				value, err := s.QueryWorkflow(StatusQuery)
				require.NoError(t, err)
				var status spec.PipelineStatus
				require.NoError(t, value.Get(&status))
				require.Equal(t, []string{"tone: worse by 0.2"}, status.Gates.Adapters[0].Reasons)
				require.Contains(t, pipelineDetails(status), "- tone: worse by 0.2")
			}
		})
	}
}

func TestUnknownGatePlanIsRefused(t *testing.T) {
	s := newScene(t)
	in := gatedInput()
	in.Gates.OnInsufficient = "hope"
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, fault.Invalid, s.kind(t))
	require.Empty(t, s.called())
}
