package activities

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/tests/toy"
)

// lineOf is a row in the form of a data set.
func lineOf(t *testing.T, question, answer string) string {
	t.Helper()
	text, err := instruct.Guide().Text(question, answer, spec.Patient)
	require.NoError(t, err)
	line, err := json.Marshal(map[string]string{"text": text})
	require.NoError(t, err)
	return string(line) + "\n"
}

// gateTarget is an adapter that was measured on 40 rows, twelve of which it answered; the training rows hold the first.
func gateTarget(t *testing.T, r *room, weights byte) (spec.EvaluateTargetInput, spec.AdapterScore) {
	t.Helper()
	in := targetInput(t, r)
	var eval strings.Builder
	for i := range 40 {
		eval.WriteString(lineOf(t, fmt.Sprintf("What helps against ailment number %d?", i), fmt.Sprintf("Rest for %d days.", i)))
	}
	train := lineOf(t, "What helps against ailment number 0?", "Rest, for 0 days!") + lineOf(t, "Is tea good?", "Tea is fine.")
	dataset, err := artifact.PublishBytes(t.Context(), r.store, spec.KindDataset, map[string][]byte{trainFile: []byte(train), evalFile: []byte(eval.String())}, nil, nil)
	require.NoError(t, err)
	adapter, err := artifact.PublishBytes(t.Context(), r.store, spec.KindAdapter, map[string][]byte{toy.WeightsFile: {weights, 0, 0, 0, 0, 0, 0, 0}}, nil, nil)
	require.NoError(t, err)
	in.Target.Dataset, in.Target.Adapter = dataset, adapter
	in.Plan.AnsweredRows, in.Plan.Contamination = 12, spec.TakeOutSame
	return in, do(t, r, r.device.EvaluateTarget, in)
}

func gateInput(in spec.EvaluateTargetInput, score spec.AdapterScore) spec.GateInput {
	return spec.GateInput{
		Run: "run-1", Channel: "stable", Base: in.Base, Candidate: spec.ArtifactRef{Kind: spec.KindCandidate, Digest: spec.Digest(strings.Repeat("c", 64))},
		Targets: []spec.GateTarget{{
			Audience: spec.Patient, Adapter: in.Target.Adapter, Rules: spec.DefaultGateRules(), Score: score,
			Training: &spec.TrainingSummary{BaseName: "tiny: a model", LoRA: spec.LoRAConfig{R: 8}},
		}},
	}
}

func TestHeldOutRowsOfTheTrainingAreLeftOut(t *testing.T) {
	r := newRoom(t)
	in, score := gateTarget(t, r, 250)
	require.Equal(t, []int64{39, 1, 0}, []int64{score.Rows, score.TakenOut, score.Overlapping})
	require.Equal(t, []int{39, 12, 14, 14, 14}, itemsOf(score.Comparisons))
	found, err := readItems(t.Context(), r.store, score.Report)
	require.NoError(t, err)
	answers := found.answers
	require.Len(t, answers, 14)
	require.Equal(t, "What helps against ailment number 1?", answers[2].Question)
	require.Equal(t, "Rest for 1 days.", *answers[2].Reference)

	in.Plan.Contamination = spec.RefuseAny
	_, err = try(t, r, r.device.EvaluateTarget, in)
	kind, _ := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.ErrorContains(t, err, "1 held-out rows stand in the training rows, the first is eval.jsonl:1: the same words as train.jsonl:1; expected none")
	require.NotContains(t, err.Error(), "Rest")
}

func TestACandidateIsHeldAgainstTheBaseWhereNothingIsServed(t *testing.T) {
	r := newRoom(t)
	evaluated, score := gateTarget(t, r, 250)
	in := gateInput(evaluated, score)
	require.Zero(t, do(t, r, r.control.FindIncumbents, spec.IncumbentsInput{Channel: "stable"}))
	result := do(t, r, r.control.JudgeCandidate, in)

	gate := result.Adapters[0]
	require.Equal(t, spec.InsufficientData, result.Verdict)
	require.Equal(t, "the base model", gate.Against)
	require.Contains(t, gate.Reasons, "accuracy: 12 items that stand alone, at least 30 are needed")
	require.Equal(t, []string{"cards/patient.md", "report.html", "verdict.json"}, r.names(t, result.Report))
	var stored spec.GateResult
	require.NoError(t, json.Unmarshal([]byte(r.read(t, result.Report, "verdict.json")), &stored))
	require.Equal(t, result.Adapters, stored.Adapters)

	page := r.read(t, result.Report, "report.html")
	for _, outside := range []string{"http:", "https:", "<script", "@import", "url(", "src=", "<link", "ZgotmplZ", "style="} {
		require.NotContains(t, page, outside)
	}
	require.Less(t, strings.Index(page, "insufficient data"), strings.Index(page, "What helps against"), "the verdict is on top")
	card := r.read(t, result.Report, "cards/patient.md")
	require.True(t, strings.HasPrefix(card, "---\nlibrary_name: peft\nbase_model: \"tiny: a model\"\n"))
	require.Contains(t, card, "1 held-out rows with the words of a training row were left out")
	require.Contains(t, card, "Verdict of the gates: **insufficient data**")

	require.NotContains(t, card, "aligned")

	in.Run = "run-2"
	require.Equal(t, result, do(t, r, r.control.JudgeCandidate, in), "another run with the same candidate")

	model := in
	model.Targets = append(slices.Clone(in.Targets), in.Targets[0])
	model.Targets[1].Score.Adapter, model.Targets[1].Training, model.Targets[1].Rules = "student-patient", nil, spec.StudentGateRules()
	both := do(t, r, r.control.JudgeCandidate, model)
	require.Equal(t, []string{"cards/patient.md", "report.html", "verdict.json"}, r.names(t, both.Report), "no card of an adapter for what is none")
	require.Equal(t, []any{spec.AdapterName("student-patient"), "the base model"}, []any{both.Adapters[1].Adapter, both.Adapters[1].Against})

	in.Targets[0].Training.Aligned = &spec.AlignmentSummary{
		Method: spec.MethodPPO, From: spec.ArtifactRef{Digest: "f0"}, Comparisons: spec.Comparisons{Ref: spec.ArtifactRef{Digest: "c0"}, Train: 8, Held: 1},
		Outcome: spec.TrainOutcome{Step: 40, Loss: 0.25}, Alarms: []string{"kl"},
	}
	require.Contains(t, r.read(t, do(t, r, r.control.JudgeCandidate, in).Report, "cards/patient.md"), "That gave adapter `f0`, which was then aligned with people's "+
		"preferences by ppo: 8 preferences and 1 held out, `c0`; 40 steps, loss 0.2500, stopped by the guard (kl): it is the last policy within its bounds.\n")
}

func TestACandidateIsHeldAgainstWhatIsServed(t *testing.T) {
	r := newRoom(t)
	evaluated, score := gateTarget(t, r, 250)
	served, was := gateTarget(t, r, 100)
	in := gateInput(evaluated, score)
	in.Targets[0].Incumbent, in.Targets[0].IncumbentScore = served.Target.Adapter, was
	result := do(t, r, r.control.JudgeCandidate, in)
	// The toy's adapters lose 1.1 and 1.25 nats a token on every row.
	require.Equal(t, spec.Reject, result.Verdict)
	require.InDelta(t, -0.15, result.Adapters[0].Comparisons[0].Gain.Value, 1e-12)
	require.Contains(t, result.Adapters[0].Against, "which channel stable serves")
	require.Contains(t, r.read(t, result.Report, "report.html"), "<b>reject</b>")

	in.Targets[0].Incumbent, in.Targets[0].IncumbentScore = in.Targets[0].Adapter, spec.AdapterScore{}
	result = do(t, r, r.control.JudgeCandidate, in)
	require.Equal(t, spec.Promote, result.Verdict)
	require.Equal(t, []string{"channel stable serves this very adapter"}, result.Adapters[0].Reasons)

	other, err := artifact.PublishBytes(t.Context(), r.store, spec.KindReport, map[string][]byte{answersFile: nil, lossesFile: nil}, nil, nil)
	require.NoError(t, err)
	in.Targets[0].Incumbent, in.Targets[0].IncumbentScore.Report = served.Target.Adapter, other
	_, err = try(t, r, r.control.JudgeCandidate, in)
	require.ErrorContains(t, err, "0 and 14 answers to other questions; expected the same")
}

func TestWhatAChannelServesIsFound(t *testing.T) {
	r := newRoom(t)
	in := candidateInput(t, r)
	candidate := do(t, r, r.control.BuildCandidate, in)
	do(t, r, r.control.Release, spec.ReleaseInput{Channel: "stable", Candidate: candidate, Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: candidate.Digest, Reviewer: "Person A", DecidedAt: time.Unix(1, 0).UTC(),
	}})
	require.Equal(t, spec.Incumbents{
		Base:     in.Base,
		Adapters: []spec.CandidateAdapter{{Name: "patient", Audience: spec.Patient, Ref: in.Adapters[0].Ref}},
	}, do(t, r, r.control.FindIncumbents, spec.IncumbentsInput{Channel: "stable"}))
}
