package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// measuringPipeline merges two adapters into the base, teaches a student, and holds both to gates.
func measuringPipeline() spec.PipelineInput {
	in := distillingPipeline()
	in.Gates = spec.GatePlan{CompareWith: spec.CompareProduction, OnInsufficient: spec.AskAnyway}
	in.Release.SmokeQuestion = smokeQuestion
	in.Merge.Gates, in.Distill.Gates = spec.MergedGateRules(), spec.StudentGateRules()
	in.Distill.Adapters = []spec.AdapterName{"patient"}
	in.Adapters[1].Args.BF16, in.Adapters[1].AddPadToken = true, true
	in.Distill.Teacher = "general" // one that adds no token
	return in
}

func TestWhatIsMadeOfAdaptersIsMeasuredJudgedAndAskedAsTheyAre(t *testing.T) {
	s := newScene(t)
	measured := map[spec.AdapterName]spec.EvaluateTargetInput{}
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		measured[in.Target.Name] = in
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3}, nil
	}
	var judged spec.GateInput
	s.judge = func(in spec.GateInput) (spec.GateResult, error) {
		judged = in
		return spec.GateResult{Verdict: spec.Promote}, nil
	}
	s.decideAt(time.Minute, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, measuringPipeline())
	result := s.finish(t)

	var names []spec.AdapterName
	for _, score := range result.Evaluate.Scores {
		names = append(names, score.Adapter)
	}
	require.Equal(t, []spec.AdapterName{"general", "patient", "merged-patient", "merged-general", "student-patient"}, names)
	for name, want := range map[spec.AdapterName]spec.EvaluatedTarget{
		"merged-patient":  {Audience: spec.Patient, Adapter: one, BF16: true},
		"merged-general":  {Audience: spec.General, Adapter: one},
		"student-patient": {Audience: spec.Patient, Adapter: small, IsModel: true, BF16: true},
	} {
		got := measured[name]
		want.Name, want.Dataset = name, ref(spec.KindDataset, "2")
		require.Equal(t, want, got.Target, "without the token that the adapter added")
		require.Equal(t, ref(spec.KindBaseModel, "b"), got.Base, "beside the base of the adapters")
	}

	require.Len(t, judged.Targets, 5)
	for i, target := range judged.Targets {
		require.Equal(t, names[i], target.Score.Adapter)
		require.Equal(t, i < 2, target.Training != nil, "only an adapter has a card")
	}
	require.Equal(t, []spec.GateRules{spec.MergedGateRules(), spec.MergedGateRules(), spec.StudentGateRules()},
		[]spec.GateRules{judged.Targets[2].Rules, judged.Targets[3].Rules, judged.Targets[4].Rules})
	require.Equal(t, small, judged.Targets[4].Adapter)

	var asked []spec.AdapterName
	for _, target := range s.offered.Smoke.Targets {
		require.Zero(t, target.Dataset)
		asked = append(asked, target.Name)
	}
	require.Equal(t, []spec.AdapterName{"general", "patient", "merged-patient", "student-patient"}, asked, "each model once")
}

func TestMergeIntoTheBaseIsMeasuredAsAModel(t *testing.T) {
	s := newScene(t)
	isModel := map[spec.AdapterName]bool{}
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		isModel[in.Target.Name] = in.Target.IsModel
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3}, nil
	}
	in := mergingPipeline()
	in.Merge.Into, in.Merge.Gates = spec.IntoBase, spec.MergedGateRules()
	s.ExecuteWorkflow(Pipeline, in)
	s.finish(t)
	require.Equal(t, map[spec.AdapterName]bool{"general": false, "patient": false, "merged-patient": true, "merged-general": true}, isModel)
}

func TestNamesOfMeasuredModelsStandForOneThing(t *testing.T) {
	in := measuringPipeline()
	require.NoError(t, in.Check())
	in.Adapters[0].Name, in.Merge.Adapters[1], in.Distill.Teacher = "merged-patient", "merged-patient", "patient"
	in.Adapters[1].AddPadToken = false
	require.ErrorContains(t, in.Check(), "adapter merged-patient: the name is that of something else that this pipeline makes")
	in.Merge.Gates, in.Distill.Gates = spec.GateRules{}, spec.GateRules{}
	require.NoError(t, in.Check(), "nobody measures them")

	in = measuringPipeline()
	in.Distill.Adapters = []spec.AdapterName{"patient", "patient"}
	require.ErrorContains(t, in.Check(), "adapter patient is there twice for the student model")
}
