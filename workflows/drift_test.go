package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// servesOther makes the channel serve an older patient adapter beside the general one of the run.
func (s *scene) servesOther() {
	s.served = spec.Incumbents{
		Base:     ref(spec.KindBaseModel, "7"),
		Adapters: []spec.CandidateAdapter{{Name: "general", Ref: adapterOf("general")}, {Name: "patient", Ref: ref(spec.KindAdapter, "9")}},
	}
}

// TestWhatIsServedIsKeptAsItDoesOnTheNewRows: before the decision the old adapter, after the release the new one; and nothing
// is measured twice, whether the gates have asked for it or nobody has.
func TestWhatIsServedIsKeptAsItDoesOnTheNewRows(t *testing.T) {
	for name, plan := range map[string]spec.GatePlan{
		"gates against production": {CompareWith: spec.CompareProduction, OnInsufficient: spec.AskAnyway},
		"gates against the base":   {CompareWith: spec.CompareBase, OnInsufficient: spec.AskAnyway},
		"no gates":                 {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.servesOther()
			measured := 0
			s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
				measured++
				return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3, Report: ref(spec.KindReport, string(in.Target.Adapter.Digest[:1]))}, nil
			}
			var kept []spec.DriftInput
			s.drifted = func(in spec.DriftInput) (spec.DriftResult, error) {
				kept = append(kept, in)
				if len(kept) > 1 {
					return spec.DriftResult{}, nil
				}
				return spec.DriftResult{Falls: []spec.DriftFall{{Adapter: "patient", Metric: spec.MetricSafety}}}, nil
			}
			in := gatedInput()
			in.Gates = plan
			s.decideAt(time.Hour, approvalOf(candidate.Digest))
			s.ExecuteWorkflow(Pipeline, in)
			result := s.finish(t)

			require.Equal(t, 3, measured, "two of the run and one that is served")
			require.Len(t, kept, 2)
			require.Equal(t, "stable", kept[0].Channel)
			require.Equal(t, adapterOf("general"), kept[0].Served[0].Adapter)
			require.Equal(t, ref(spec.KindReport, "a"), kept[0].Served[0].Score.Report, "the run's own adapter is served already")
			require.Equal(t, spec.ServedScore{
				Audience: spec.Patient, Adapter: ref(spec.KindAdapter, "9"), Dataset: ref(spec.KindDataset, "2"),
				Score: spec.AdapterScore{Adapter: "patient", Rows: 3, Report: ref(spec.KindReport, "9")},
			}, kept[0].Served[1])
			require.Equal(t, adapterOf("patient"), kept[1].Served[1].Adapter, "what was released is what later measurements are held against")
			require.Equal(t, ref(spec.KindReport, "d"), kept[1].Served[1].Score.Report)
			require.True(t, kept[1].At.After(kept[0].At.Add(50*time.Minute)))
			require.Equal(t, []spec.DriftFall{{Adapter: "patient", Metric: spec.MetricSafety}}, result.Drift)
		})
	}
}

func TestDriftIsKeptWhereNothingIsReleased(t *testing.T) {
	s := newScene(t)
	s.servesOther()
	s.judge = verdictOf(spec.Reject, "tone: worse by 0.2")
	s.ExecuteWorkflow(Pipeline, gatedInput())
	require.Zero(t, s.finish(t).Release)
	require.Contains(t, s.called(), "keep drift")
	require.NotContains(t, s.called(), "offer")

	first := newScene(t) // a channel that serves nothing has no drift
	first.judge = s.judge
	first.ExecuteWorkflow(Pipeline, gatedInput())
	require.NotContains(t, first.called(), "keep drift")
}
