package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

const smokeQuestion = "When is chest pain an emergency?"

// flippedByHand is a channel that was pointed to a candidate of two adapters, the second on another device.
func flippedByHand() spec.SmokeReleaseInput {
	target := func(name spec.AdapterName, device string) spec.EvaluatedTarget {
		return spec.EvaluatedTarget{Name: name, Adapter: adapterOf(name), Device: device}
	}
	return spec.SmokeReleaseInput{Run: "smoke-stable", Channel: "stable", Candidate: candidate, Smoke: spec.SmokePlan{
		Question: smokeQuestion, Base: ref(spec.KindBaseModel, "b"),
		Targets: []spec.EvaluatedTarget{target("general", ""), target("patient", "cuda")}, TrainQueue: "team",
	}}
}

func TestAFlipByHandIsFollowedByTheCheckOfARun(t *testing.T) {
	for name, c := range map[string]struct {
		fails spec.AdapterName
		want  []string
		taken string
	}{
		"all answer":      {"", []string{`ask general "` + smokeQuestion + `"`, `ask patient "` + smokeQuestion + `"`}, ""},
		"the first fails": {"general", []string{`ask general "` + smokeQuestion + `"`, "take back: adapter general: it did not work"}, "adapter general: it did not work"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.smoked = func(in spec.SmokeInput) (spec.SmokeResult, error) {
				require.Equal(t, ref(spec.KindBaseModel, "b"), in.Base)
				if in.Target.Name == c.fails {
					return spec.SmokeResult{}, failed(fault.Diverged)
				}
				return spec.SmokeResult{}, nil
			}
			s.ExecuteWorkflow(SmokeRelease, flippedByHand())
			require.NoError(t, s.GetWorkflowError())
			var result spec.ReleaseResult
			require.NoError(t, s.GetWorkflowResult(&result))
			require.Equal(t, c.want, s.called())
			require.Equal(t, c.taken, result.TakenBack)
			require.Equal(t, c.taken != "", len(s.told) == 1, "whoever flipped may have left")
		})
	}
}

// TestWhatARunAsksIsKeptForFlipsByHand follows the question, the devices and the queues from the plan to the offer and to the
// pointer.
func TestWhatARunAsksIsKeptForFlipsByHand(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Release.SmokeQuestion, in.TrainQueue, in.Adapters[1].Device, in.Adapters[1].Args.BF16 = smokeQuestion, "team", "cuda", true
	s.flipped = func(in spec.ReleaseInput) (spec.ReleaseResult, error) {
		require.Equal(t, spec.SmokePlan{
			Question: smokeQuestion, Base: ref(spec.KindBaseModel, "b"), TrainQueue: "team",
			Targets: []spec.EvaluatedTarget{
				{Name: "general", Audience: spec.General, Adapter: adapterOf("general")},
				{Name: "patient", Audience: spec.Patient, Adapter: adapterOf("patient"), Device: "cuda", BF16: true},
			},
		}, in.Smoke)
		require.Equal(t, in.Smoke, s.offered.Smoke)
		return spec.ReleaseResult{Current: in.Candidate.Digest}, nil
	}
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, candidate.Digest, s.finish(t).Release.Current)
}

// TestTheEmergencyLaneSkipsNothing runs the same pipeline in both lanes: the same activities, and the same persons are asked.
func TestTheEmergencyLaneSkipsNothing(t *testing.T) {
	inLane := func(lane string) []string {
		s := newScene(t)
		in := pipelineInput()
		in.Lane, in.Release.SmokeQuestion, in.Approval.Signatures = lane, smokeQuestion, 2
		in.Gates = spec.GatePlan{CompareWith: spec.CompareProduction, OnInsufficient: spec.StopThere}
		s.decideAt(time.Hour, approvalBy("Person A"))
		s.decideAt(2*time.Hour, approvalBy("Person B"))
		s.ExecuteWorkflow(Pipeline, in)
		require.Equal(t, "Person A and Person B", s.finish(t).Decision.Signers())
		return s.called()
	}
	normal := inLane(spec.LaneNormal)
	require.ElementsMatch(t, normal, inLane(spec.LaneEmergency))
	for _, step := range []string{"clean", "judge", "offer", "record approved", "release by Person A and Person B", `ask patient "` + smokeQuestion + `"`} {
		require.Contains(t, normal, step)
	}
	require.Equal(t, 1, PriorityOf(spec.LaneEmergency).PriorityKey)
	require.Zero(t, PriorityOf(spec.LaneNormal))
}
