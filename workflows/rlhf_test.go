package workflows

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
	"elara/spec/fault"
)

// What the stage makes of the adapter patient in a scene.
var (
	prompts     = ref(spec.KindPrompts, "1")
	drawn       = ref(spec.KindPairs, "4")
	preferences = ref(spec.KindPreferences, "5")
	comparisons = ref(spec.KindComparisons, "6")
	rewardModel = ref(spec.KindRewardModel, "7")
	policy      = ref(spec.KindAdapter, "8")
)

// align fakes the activities of the stage. Nobody has been asked about the pairs before.
func (s *scene) align() {
	var control *activities.Control
	var device *activities.Device
	s.trained = func(spec.FeedbackInput) (spec.FeedbackResult, error) { return spec.FeedbackResult{}, nil }
	s.feedback = func(in spec.FeedbackSegmentInput) (spec.FeedbackSegmentResult, error) {
		return feedbackTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.compared = func(in spec.ComparisonsInput) (spec.Comparisons, error) {
		if in.Plan.Preferences == "" && in.Preferences.IsZero() {
			return spec.Comparisons{}, nil
		}
		return spec.Comparisons{Ref: comparisons, Preferences: in.Preferences, Train: 8, Held: 1}, nil
	}
	fake(s, control.CollectPrompts, func(spec.RLHFInput) (string, spec.PromptSet, error) {
		return "prompts", spec.PromptSet{Ref: prompts, Count: 1}, nil
	})
	fake(s, control.FindPairs, func(spec.SampleInput) (string, spec.SampledPairs, error) {
		return "find pairs", spec.SampledPairs{}, nil
	})
	fake(s, device.SamplePairs, func(spec.SampleInput) (string, spec.SampledPairs, error) {
		return "sample", spec.SampledPairs{Ref: drawn, Pairs: 1}, nil
	})
	fake(s, control.SplitComparisons, func(in spec.ComparisonsInput) (string, spec.Comparisons, error) {
		out, err := s.compared(in)
		return "split", out, err
	})
	fake(s, control.FindFeedback, func(in spec.FeedbackInput) (string, spec.FeedbackResult, error) {
		out, err := s.trained(in)
		return "find " + in.Part, out, err
	})
	fake(s, device.FeedbackSegment, func(in spec.FeedbackSegmentInput) (string, spec.FeedbackSegmentResult, error) {
		out, err := s.feedback(in)
		return fmt.Sprintf("%s %d", in.Part, in.UntilStep), out, err
	})
}

// ask fakes the activities of a collection of one pair.
func (s *scene) ask() {
	var control *activities.Control
	fake(s, control.OpenPreferences, func(in spec.PreferencesInput) (string, spec.PairSet, error) {
		one := [32]byte{1}
		return "ask in " + string(in.Run), spec.PairSet{Ref: in.Pairs, Digests: one[:]}, nil
	})
	fake(s, control.StoreJudgements, func(in spec.StoreJudgementsInput) (string, spec.StoredJudgements, error) {
		return "store", spec.StoredJudgements{Count: in.Before.Count + int64(len(in.Batch))}, nil
	})
	fake(s, control.CompilePreferences, func(spec.CompileInput) (string, spec.CompiledPreferences, error) {
		return "compile", spec.CompiledPreferences{Ref: preferences}, nil
	})
}

// feedbackTo is a segment that ended at a step.
func feedbackTo(in spec.FeedbackSegmentInput, step int64) (result spec.FeedbackSegmentResult) {
	result.Outcome = spec.TrainOutcome{Step: step, TotalSteps: totalSteps, Done: step == totalSteps, Loss: 0.5}
	switch {
	case in.Part == spec.StagePPO:
		score, kl := float64(step), 0.0
		result.Reward, result.KL = &score, &kl
	case in.Part == spec.StageReward && result.Outcome.Done:
		result.Accuracy = &spec.Estimate{Value: 0.75, Low: 0.5, High: 0.9}
	}
	if result.Outcome.Done {
		result.Ref = policy
		if in.Part == spec.StageReward {
			result.Ref = rewardModel
		}
	}
	return result
}

// aligning is the pipeline of two adapters of which one is aligned.
func aligning(method spec.RLHFMethod) spec.PipelineInput {
	in := pipelineInput()
	in.Approval.TimeoutHours = 1 // nobody decides
	in.RLHF = spec.RLHFPlan{
		Method: method, Adapters: []spec.AdapterName{"patient"}, SegmentSteps: 20,
		Collect: spec.CollectPlan{PerPair: 1, DeadlineHours: 48, MaxNewTokens: 16, Temperature: 1},
	}
	if method == spec.MethodPPO {
		in.RLHF.PPO = spec.PPOJob{
			PPO: spec.PPOConfig{
				TotalEpisodes: 8, NumPPOEpochs: 1, NumMiniBatches: 1, NumGenerations: 1, LocalRolloutForwardBatchSize: 1,
				ResponseLength: 4, Temperature: 1, KLEstimator: "k1", StopToken: spec.StopTokenEOS,
			},
			Args: spec.TrainingArgs{PerDeviceTrainBatchSize: 2, GradientAccumulationSteps: 1},
		}
	}
	return in
}

func TestTheCardOfAnAlignedAdapterTellsOfItsAlignment(t *testing.T) {
	s := newScene(t)
	var judged spec.GateInput
	s.judge = func(in spec.GateInput) (spec.GateResult, error) {
		judged = in
		return spec.GateResult{Verdict: spec.Reject}, nil
	}
	in := aligning(spec.MethodDPO)
	in.Gates = gatedInput().Gates
	in.RLHF.Preferences = "judged.jsonl"
	s.ExecuteWorkflow(Pipeline, in)
	s.finish(t)
	require.Nil(t, judged.Targets[0].Training.Aligned)
	require.Equal(t, &spec.AlignmentSummary{
		Method: spec.MethodDPO, From: adapterOf("patient"), Comparisons: spec.Comparisons{Ref: comparisons, Train: 8, Held: 1},
		Outcome: spec.TrainOutcome{Step: totalSteps, TotalSteps: totalSteps, Done: true, Loss: 0.5},
	}, judged.Targets[1].Training.Aligned)
}

func TestPolicyTakesThePlaceOfItsAdapter(t *testing.T) {
	s := newScene(t)
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		require.Equal(t, map[spec.AdapterName]spec.ArtifactRef{"general": adapterOf("general"), "patient": policy}[in.Target.Name], in.Target.Adapter)
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3, BaseLoss: 2, AdapterLoss: 1}, nil
	}
	in := aligning(spec.MethodDPO)
	in.RLHF.Preferences = "judged.jsonl"
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	calls := s.called()
	require.Subset(t, calls, []string{"split", "find dpo", "dpo 20", "dpo 40"})
	for _, none := range []string{"prompts", "sample", "find reward", "ask in rlhf-run-1-patient"} {
		require.NotContains(t, calls, none, "the preferences are there")
	}
	require.Equal(t, []spec.ArtifactRef{adapterOf("general"), policy}, []spec.ArtifactRef{s.proposed.Adapters[0].Ref, s.proposed.Adapters[1].Ref})
	require.Len(t, result.RLHF, 1)
	require.Equal(t, []any{adapterOf("patient"), policy, comparisons}, []any{result.RLHF[0].SFT, result.RLHF[0].Policy.Ref, result.RLHF[0].Comparisons.Ref})

	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Equal(t, []spec.RLHFStatus{{Adapter: "patient", Method: spec.MethodDPO, WorkflowID: "rlhf.run-1.patient", Policy: policy}}, status.RLHF)
	require.Contains(t, pipelineDetails(status), "Aligned patient by dpo: adapter `888888888888`.")
}

func TestPipelineWithoutPreferencesHasNoSuchStage(t *testing.T) {
	text, err := json.Marshal(pipelineInput())
	require.NoError(t, err)
	require.NotContains(t, string(text), "rlhf", "what is recorded of such a pipeline is what always was")
}

// People are asked for a day; the reward model of what they say judges the policy.
func TestPeopleAreAskedBetweenSamplingAndTraining(t *testing.T) {
	s := newScene(t)
	s.ask()
	s.feedback = func(in spec.FeedbackSegmentInput) (spec.FeedbackSegmentResult, error) {
		if in.Part == spec.StagePPO {
			require.Equal(t, []spec.ArtifactRef{prompts, rewardModel, adapterOf("patient")}, []spec.ArtifactRef{in.Prompts, in.Reward, in.SFT})
		}
		return feedbackTo(in, min(in.UntilStep, totalSteps)), nil
	}
	one := [32]byte{1}
	s.RegisterDelayedCallback(func() {
		require.NoError(t, s.UpdateWorkflowByID("preferences.rlhf-run-1-patient", JudgeUpdate, "1", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { require.NoError(t, err) }, OnComplete: func(any, error) {},
		}, spec.Judgement{Collection: "rlhf-run-1-patient", Pair: spec.DigestOf(one), Choice: spec.ChoiceA, Reviewer: "Person A"}))
	}, 24*time.Hour)
	s.ExecuteWorkflow(RLHF, spec.RLHFInput{
		Run: "run-1", Plan: aligning(spec.MethodPPO).RLHF, Adapter: pipelineInput().Adapters[1], Base: better, SFT: adapterOf("patient"),
	})
	require.NoError(t, s.GetWorkflowError())
	var result spec.RLHFResult
	require.NoError(t, s.GetWorkflowResult(&result))
	require.Equal(t, []string{
		"prompts", "find pairs", "sample", "split", "ask in rlhf-run-1-patient", "store", "compile", "split",
		"find reward", "reward 20", "reward 40", "find ppo", "ppo 20", "ppo 40",
	}, s.called())
	require.Equal(t, []spec.ArtifactRef{drawn, preferences, comparisons, rewardModel, policy},
		[]spec.ArtifactRef{result.Pairs, result.Comparisons.Preferences, result.Comparisons.Ref, result.Reward.Ref, result.Policy.Ref})
	require.Equal(t, 0.75, result.Reward.Accuracy.Value)
}

func TestSilenceEndsAtTheDeadlineWithoutATraining(t *testing.T) {
	s := newScene(t)
	s.ask()
	s.compared = func(in spec.ComparisonsInput) (spec.Comparisons, error) {
		if in.Preferences.IsZero() {
			return spec.Comparisons{}, nil
		}
		return spec.Comparisons{}, failed(fault.Invalid) // no pair is decided
	}
	s.ExecuteWorkflow(Pipeline, aligning(spec.MethodDPO))
	require.Equal(t, fault.Invalid, s.kind(t))
	require.Equal(t, "split", s.called()[len(s.called())-1])
}

func TestUnchangedPolicyIsNotTrainedAgain(t *testing.T) {
	s := newScene(t)
	s.trained = func(spec.FeedbackInput) (spec.FeedbackResult, error) {
		return spec.FeedbackResult{Ref: policy, Unchanged: "made before"}, nil
	}
	in := aligning(spec.MethodDPO)
	in.RLHF.Preferences = "judged.jsonl"
	s.ExecuteWorkflow(Pipeline, in)
	require.Contains(t, s.finish(t).Skipped, spec.SkippedStage{Stage: "rlhf/patient", Reason: "made before"})
	require.NotContains(t, s.called(), "dpo 20")
}

func TestAFailedSegmentIsTriedAgainAndAGuardIsHeard(t *testing.T) {
	s := newScene(t)
	tries := 0
	s.feedback = func(in spec.FeedbackSegmentInput) (spec.FeedbackSegmentResult, error) {
		if tries++; tries == 1 {
			return spec.FeedbackSegmentResult{}, failed(fault.Transient)
		}
		result := feedbackTo(in, totalSteps)
		if in.Part == spec.StagePPO {
			result.Alarms = []string{"kl"}
		}
		return result, nil
	}
	in := aligning(spec.MethodPPO)
	in.RLHF.Preferences = "judged.jsonl"
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, 3, tries)
	require.Equal(t, []string{"kl"}, result.RLHF[0].Policy.Alarms)
	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Contains(t, pipelineDetails(status), "**stopped by the guard** (kl)")
}

func TestFeedbackStateCrossesARunWhole(t *testing.T) {
	s := newScene(t)
	s.feedback = func(in spec.FeedbackSegmentInput) (spec.FeedbackSegmentResult, error) {
		return feedbackTo(in, in.UntilStep), nil
	}
	state := FeedbackState{FeedbackInput: spec.FeedbackInput{Part: spec.StageDPO, Comparisons: comparisons, RLHFInput: spec.RLHFInput{Run: "run-1", Plan: aligning(spec.MethodDPO).RLHF}}}
	state.Plan.SegmentSteps = 1
	state.Segments, state.Outcome.Step = 1, totalSteps // it is far behind its end
	s.ExecuteWorkflow(TrainFromFeedback, state)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, s.GetWorkflowError(), &next)
	require.Len(t, s.called(), segmentsPerRun)
	state.Segments, state.Outcome = 1+segmentsPerRun, feedbackTo(spec.FeedbackSegmentInput{FeedbackInput: state.FeedbackInput}, totalSteps+segmentsPerRun).Outcome
	want, err := json.Marshal(state)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(next.Input.Payloads[0].Data))
}

func TestAPlanThatCannotEndIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for want, change := range map[string]func(*spec.PipelineInput){
		"rlhf: segment of 0 steps: expected at least 1":                                         func(in *spec.PipelineInput) { in.RLHF.SegmentSteps = 0 },
		`adapters: "doctor" is not among those of the pipeline`:                                 func(in *spec.PipelineInput) { in.RLHF.Adapters = []spec.AdapterName{"doctor"} },
		"rlhf: collect: per_pair 0":                                                             func(in *spec.PipelineInput) { in.RLHF.Collect.PerPair = 0 },
		"adapter patient-dpo: the name is that of the dpo of adapter patient, expected another": func(in *spec.PipelineInput) { in.Adapters[0].Name = "patient-dpo" },
		"adapter patient trains embeddings (modules_to_save) with a token more than the base (add_pad_token)": func(in *spec.PipelineInput) {
			*in = aligning(spec.MethodPPO)
			in.Adapters[1].AddPadToken = true
			require.NoError(t, in.Check(), "padding is no text")
			in.Adapters[1].LoRA.ModulesToSave = []string{"lm_head"}
		},
	} {
		s := newScene(t)
		in := aligning(spec.MethodDPO)
		change(&in)
		s.ExecuteWorkflow(Pipeline, in)
		require.Equal(t, fault.Invalid, s.kind(t))
		require.ErrorContains(t, s.GetWorkflowError(), want)
		require.Empty(t, s.called())
	}
}
