package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

func TestAlignmentHasItsPlaceAmongTheStages(t *testing.T) {
	v := training()
	v.Stage, v.Status.Stage = spec.StageRLHF, spec.StageRLHF
	v.Status.RLHF = []spec.RLHFStatus{{Adapter: "patient", Method: spec.MethodDPO, WorkflowID: "rlhf.demo-1.patient", Collection: "rlhf-demo-1-patient"}}
	v.Asked = "rlhf-demo-1-patient"
	require.Contains(t, strings.Join(v.frame(100), "\n"), "● rlhf       people are asked: elara preferences status rlhf-demo-1-patient\n  ○ evaluate\n")
	require.Equal(t, "Align    patient by dpo: under way, people are asked in collection rlhf-demo-1-patient\n", rlhfText(v.Status.RLHF[0]))

	v.Asked, v.Now = "", spec.Progress{Stage: spec.StageDPO, Adapter: "patient-dpo", Step: 30, TotalSteps: 200}
	require.Contains(t, strings.Join(v.frame(100), "\n"), "● rlhf       patient-dpo 30 of 200\n")
	v.Now = spec.Progress{Stage: spec.StagePPO, Adapter: "patient-ppo", Step: 3, TotalSteps: 20, Metrics: map[string]float64{"objective/scores": 0.5, "objective/kl": 2.25}}
	require.Contains(t, strings.Join(v.frame(100), "\n"), "● rlhf       patient-ppo 3 of 20 · reward 0.500 · KL 2.25\n")

	v.Stage, v.Status.Stage = spec.StageEvaluate, spec.StageEvaluate
	v.Status.RLHF[0].Policy, v.Status.RLHF[0].Alarms = spec.ArtifactRef{Digest: digest("9")}, []string{"kl"}
	require.Contains(t, strings.Join(v.frame(100), "\n"), "✓ rlhf       1 adapters aligned by dpo, 1 stopped by the guard\n")
	require.Equal(t, "Align    patient by dpo: adapter 999999999999, stopped by the guard (kl)\n", rlhfText(v.Status.RLHF[0]))
	require.NotContains(t, strings.Join(training().frame(100), "\n"), "rlhf", "a pipeline without the stage does not show it")

	report := spec.ArtifactRef{Kind: spec.KindReport, Digest: digest("7")}
	v.Status.RLHF[0].Report, v.Status.RLHF[0].RewardReport = report, report
	require.Subset(t, artifactsOf(v.Status), []namedArtifact{{"patient/reward", report}, {"patient/rlhf", report}})
}
