package activities

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/choice"
	"elara/spec"
	"elara/spec/fault"
)

// withChoices is an evaluation with the own questions in both forms, frozen.
func withChoices(t *testing.T, r *room) spec.EvaluateTargetInput {
	t.Helper()
	in := targetInput(t, r)
	in.Plan.Choices = []spec.ChoiceSet{{Form: spec.ChoiceGeneric, MaxItems: 40}, {Form: spec.ChoiceCloze, MaxItems: 60}}
	in.Choices = do(t, r, r.control.CollectChoices, spec.EvaluateInput{Run: in.Run, Plan: in.Plan})
	return in
}

// The toy's base takes the first choice of every question, which is right in a quarter of the own set, and its adapter the right one.
func TestChoicesAreAMetricOfTheirOwn(t *testing.T) {
	r := newRoom(t)
	in := withChoices(t, r)
	in.Plan.OtherQuestions = 3
	require.Equal(t, in.Choices, do(t, r, r.control.CollectChoices, spec.EvaluateInput{Run: "run-2", Plan: in.Plan}), "the same questions")
	score := do(t, r, r.device.EvaluateTarget, in)
	require.Equal(t, spec.Metrics(), metricsOf(score.Comparisons))
	compared := score.Comparisons[5]
	require.Equal(t, []any{100, 60}, []any{compared.Items, compared.Clusters}, "a question in both forms is one case")
	require.Equal(t, spec.TestBootstrap, compared.Test)
	require.InDelta(t, 0.25, compared.Old.Value, 1e-12)
	require.InDelta(t, 1, compared.New.Value, 1e-12)
	require.Equal(t, 2, score.Comparisons[6].Items, "answers to the two questions of the plan")
	require.InDelta(t, 0.5, score.Comparisons[6].Gain.Value, 1e-12)

	// Wilson's interval of 10 in 40 by hand: centre (0.25 + 1.9208/40) / (1 + 3.8415/40) = 0.27191, half width 0.12985.
	require.Len(t, score.Choices, 2)
	first := score.Choices[0]
	require.Equal(t, []any{"own, generic", 40, 0.25, 1.0}, []any{first.Set, first.Items, first.Chance, first.Acc.Value})
	require.InDelta(t, 0.25, first.BaseAcc.Value, 1e-12)
	require.InDelta(t, 0.1419, first.BaseAcc.Low, 1e-3)
	require.InDelta(t, 0.4019, first.BaseAcc.High, 1e-3)
	require.Equal(t, "own, cloze", score.Choices[1].Set)

	ref := do(t, r, r.control.WriteReport, spec.ReportInput{Run: "run-1", Base: in.Base, Scores: []spec.AdapterScore{score}})
	require.Contains(t, r.read(t, ref, "report.md"), "| own, generic | 40 | 0.250 | 0.250 (0.142 to 0.402) | 1.000 (0.912 to 1.000) |")
	require.Contains(t, r.read(t, ref, "report.html"), `<th scope="row">own, cloze</th><td>60</td>`)
}

func TestOneFormOfQuestionsIsComparedExactly(t *testing.T) {
	r := newRoom(t)
	in := targetInput(t, r)
	in.Plan.Choices = []spec.ChoiceSet{{Form: spec.ChoiceCloze}}
	in.Choices = do(t, r, r.control.CollectChoices, spec.EvaluateInput{Run: in.Run, Plan: in.Plan})
	score := do(t, r, r.device.EvaluateTarget, in)
	require.Equal(t, spec.TestMcNemar, score.Comparisons[5].Test)
	own, err := choice.Own()
	require.NoError(t, err)
	require.Equal(t, len(own), score.Comparisons[5].Items)
}

func TestOtherQuestionsAreAnotherMeasurement(t *testing.T) {
	r := newRoom(t)
	in := withChoices(t, r)
	do(t, r, r.device.EvaluateTarget, in)
	require.NotEmpty(t, do(t, r, r.control.FindScore, in).Unchanged)
	fewer := in
	fewer.Plan.Choices = in.Plan.Choices[:1]
	fewer.Choices = do(t, r, r.control.CollectChoices, spec.EvaluateInput{Run: in.Run, Plan: fewer.Plan})
	require.Empty(t, do(t, r, r.control.FindScore, fewer).Unchanged)

	asked, notAsked := do(t, r, r.device.EvaluateTarget, fewer), do(t, r, r.device.EvaluateTarget, targetInput(t, r))
	found, err := readItems(t.Context(), r.store, asked.Report)
	require.NoError(t, err)
	others, err := readItems(t.Context(), r.store, notAsked.Report)
	require.NoError(t, err)
	_, err = compare(others.adapter(), found.adapter())
	require.EqualError(t, err, "the reports are on 0 and 40 multiple-choice questions; expected the same")

	inTexts := in
	inTexts.Plan.Choices = []spec.ChoiceSet{{Form: spec.ChoiceCloze, MaxItems: 40}}
	inTexts.Choices = do(t, r, r.control.CollectChoices, spec.EvaluateInput{Run: in.Run, Plan: inTexts.Plan})
	others, err = readItems(t.Context(), r.store, do(t, r, r.device.EvaluateTarget, inTexts).Report)
	require.NoError(t, err)
	_, err = compare(others.adapter(), found.adapter())
	require.EqualError(t, err, "the reports are on 40 and 40 multiple-choice questions; expected the same")
}

// The identity of a measurement without such questions is what it was before there were any.
func TestKeyOfAnEvaluationWithoutChoicesStays(t *testing.T) {
	key, err := evaluateKey(spec.EvaluateTargetInput{
		Plan: spec.EvaluatePlan{MaxRows: 3, MaxNewTokens: 7}, Base: spec.ArtifactRef{Digest: "b"},
		Target: spec.EvaluatedTarget{Adapter: spec.ArtifactRef{Digest: "a"}, Dataset: spec.ArtifactRef{Digest: "d"}, Audience: spec.Patient, MaxLength: 9},
	})
	require.NoError(t, err)
	require.Equal(t, spec.Digest("b0ed00cbc0367c95cf478e0f81ff177c87fa2026ede64c04ae620c45d52be4ab"), key)
}

func TestQuestionsThatCannotBeReadAreRefused(t *testing.T) {
	r := newRoom(t)
	file := filepath.Join(t.TempDir(), "q.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(`{"question":"Q?","choices":["one","two"],"answer":"E"}`), 0o600))
	_, err := try(t, r, r.control.CollectChoices, spec.EvaluateInput{Plan: spec.EvaluatePlan{Choices: []spec.ChoiceSet{{Form: spec.ChoiceCloze, Path: file}}}})
	kind, _ := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.ErrorContains(t, err, `q.jsonl:1: label "E" outside the choices; expected one of A, B`)
}

func TestAnswersToOtherQuestionsAreRefused(t *testing.T) {
	r := newRoom(t)
	in := withChoices(t, r)
	outcome := spec.EvaluateOutcome{Rows: 1, Tokens: 1, BaseChoices: make([][]spec.Likelihood, 100)}
	r.device.Evaluator = evaluatorFunc(func(_ context.Context, job spec.EvaluateJob, _ func(spec.Progress)) (spec.EvaluateOutcome, error) {
		outcome.BaseAnswers, outcome.AdapterAnswers = job.Prompts, job.Prompts
		return outcome, nil
	})
	_, err := try(t, r, r.device.EvaluateTarget, in)
	require.ErrorContains(t, err, "100 and 0 answers to 100 multiple-choice questions")
	outcome.BaseChoices, outcome.AdapterChoices = nil, outcome.BaseChoices
	_, err = try(t, r, r.device.EvaluateTarget, in)
	require.ErrorContains(t, err, "0 and 100 answers to 100 multiple-choice questions")
	in.Plan.OtherQuestions = 1
	_, err = try(t, r, r.device.EvaluateTarget, in)
	require.ErrorContains(t, err, "0 and 0 gains of 2 answers")
}
