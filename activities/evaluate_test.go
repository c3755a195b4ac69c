package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/mem"
	"elara/tests/toy"
)

// evaluatorFunc is an Evaluator that a test writes itself.
type evaluatorFunc func(context.Context, spec.EvaluateJob, func(spec.Progress)) (spec.EvaluateOutcome, error)

func (f evaluatorFunc) Evaluate(ctx context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (spec.EvaluateOutcome, error) {
	return f(ctx, job, progress)
}

// Memory is not what such a test is about.
func (f evaluatorFunc) Memory(context.Context, spec.MemoryJob, func(spec.Progress)) (spec.MemoryResult, error) {
	return spec.MemoryResult{}, errors.New("nobody is to ask")
}

func targetInput(t *testing.T, r *room) spec.EvaluateTargetInput {
	t.Helper()
	train := segmentInput(t, r, "run-1", 100)
	adapter, err := artifact.PublishBytes(t.Context(), r.store, spec.KindAdapter,
		map[string][]byte{toy.WeightsFile: {250, 0, 0, 0, 0, 0, 0, 0}}, nil, nil)
	require.NoError(t, err)
	return spec.EvaluateTargetInput{
		Run: "run-1", Plan: spec.EvaluatePlan{Questions: []string{"What is asthma?", "Do I | need\nhelp?"}}, Base: train.Base,
		Target: spec.EvaluatedTarget{Name: "patient", Audience: spec.Patient, Adapter: adapter, Dataset: train.Dataset},
	}
}

func TestScoreIsDerivedFromTheExactSums(t *testing.T) {
	r := newRoom(t)
	in := targetInput(t, r)
	score := do(t, r, r.device.EvaluateTarget, in)

	// One held-out row of four tokens: the toy's base loses 3 nats a token, its adapter 1 + 250/1000.
	require.Equal(t, []int64{1, 4}, []int64{score.Rows, score.Tokens})
	require.Equal(t, []float64{12, 5}, []float64{score.BaseNLL, score.AdapterNLL})
	require.Equal(t, []float64{3, 1.25}, []float64{score.BaseLoss, score.AdapterLoss})
	require.InDelta(t, 20.085536923187668, score.BasePPL, 1e-12)
	require.InDelta(t, 3.4903429574618414, score.AdapterPPL, 1e-12)

	lines := strings.Split(strings.TrimSuffix(r.read(t, score.Report, "answers.jsonl"), "\n"), "\n")
	require.Len(t, lines, 2)
	var first answer
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.Equal(t, []string{"What is asthma?", "I have read 301 characters.", "See a doctor. (fa00000000000000)"}, []string{first.Question, first.Base, first.Adapter})
	require.Nil(t, first.Reference)
	require.NotNil(t, first.AdapterScores.Tone.Score, "held against the targets of the audience")
	require.Equal(t, "{\"line\":1,\"tokens\":4,\"base_nll\":12,\"adapter_nll\":5,\"case\":\""+caseOf("c")+"\"}\n", r.read(t, score.Report, "losses.jsonl"))
	require.Equal(t, []spec.Metric{spec.MetricLoss, spec.MetricAccuracy, spec.MetricRelevance, spec.MetricTone, spec.MetricSafety}, metricsOf(score.Comparisons))
	require.Equal(t, []int{1, 0, 2, 2, 2}, itemsOf(score.Comparisons))
	require.Equal(t, spec.Estimate{Value: 1.75, Low: 1.75, High: 1.75}, score.Comparisons[0].Gain)

	require.Equal(t, score, do(t, r, r.device.EvaluateTarget, in), "a second time")
	found := do(t, r, r.control.FindScore, in)
	require.NotEmpty(t, found.Unchanged)
	found.Unchanged = ""
	require.Equal(t, score, found)
	in.Plan.Questions = in.Plan.Questions[:1]
	require.Empty(t, do(t, r, r.control.FindScore, in).Unchanged)
}

func TestModelIsMeasuredInThePlaceOfTheBaseWithAnAdapter(t *testing.T) {
	r := newRoom(t)
	in := targetInput(t, r)
	in.Target.IsModel, in.Target.Name = true, "student-patient"
	var err error
	in.Target.Adapter, err = artifact.PublishBytes(t.Context(), r.store, spec.KindBaseModel, map[string][]byte{toy.WeightsFile: {125, 0, 0, 0, 0, 0, 0, 0}}, nil, nil)
	require.NoError(t, err)
	score := do(t, r, r.device.EvaluateTarget, in)
	require.Equal(t, []float64{3, 1.125}, []float64{score.BaseLoss, score.AdapterLoss})
	require.Equal(t, spec.AdapterName("student-patient"), score.Adapter)

	folder := t.TempDir()
	job, err := r.device.memoryJob(t.Context(), r.store, in, folder)
	require.NoError(t, err)
	require.Empty(t, job.Adapter)
	require.FileExists(t, filepath.Join(job.BaseModel, toy.WeightsFile), "what it has by heart is asked of it alone")
	seen, _, err := r.device.evaluation(t.Context(), r.store, in, folder)
	require.NoError(t, err)
	require.Equal(t, job.BaseModel, seen.Model)
	require.NotEqual(t, seen.Model, seen.BaseModel)
}

func TestModelIsAskedInTheFormItWasTaught(t *testing.T) {
	r := newRoom(t)
	var seen spec.EvaluateJob
	r.device.Evaluator = evaluatorFunc(func(_ context.Context, job spec.EvaluateJob, _ func(spec.Progress)) (spec.EvaluateOutcome, error) {
		seen = job
		return spec.EvaluateOutcome{}, errors.New("enough seen")
	})
	in := targetInput(t, r)
	in.Plan.MaxRows, in.Plan.MaxNewTokens = 9, 17
	in.Target.MaxLength, in.Target.AppendEOS, in.Target.AddPadToken, in.Target.BF16 = 300, true, true, true
	_, err := try(t, r, r.device.EvaluateTarget, in)
	require.ErrorContains(t, err, "enough seen")
	require.Equal(t, []int{9, 17, 2}, []int{seen.MaxRows, seen.MaxNewTokens, len(seen.Prompts)})
	require.Equal(t, []any{300, true, true, true}, []any{seen.MaxLength, seen.AppendEOS, seen.AddPadToken, seen.BF16})
	require.False(t, seen.FP16)
	require.Contains(t, seen.Prompts[0], "You are communicating with a patient")
	require.True(t, strings.HasSuffix(seen.Prompts[0], "<|user|>\nWhat is asthma?\n<|assistant|>\n"))

	// Another type is another question, and the identity of a score in a type that was there before stays what it was.
	in.Target.BF16 = false
	wide, err := evaluateKey(in)
	require.NoError(t, err)
	in.Target.FP16 = true
	half, err := evaluateKey(in)
	require.NoError(t, err)
	require.NotEqual(t, wide, half)
	_, err = try(t, r, r.device.EvaluateTarget, in)
	require.ErrorContains(t, err, "enough seen")
	require.True(t, seen.FP16)
}

func TestScoreThatMeansNothingIsRefused(t *testing.T) {
	answers := []string{"a", "b"}
	for name, test := range map[string]struct {
		outcome spec.EvaluateOutcome
		kind    fault.Kind
	}{
		"no rows":             {spec.EvaluateOutcome{BaseAnswers: answers, AdapterAnswers: answers}, fault.Invalid},
		"no number":           {spec.EvaluateOutcome{Rows: 1, Tokens: 1, AdapterNLL: math.NaN(), BaseAnswers: answers, AdapterAnswers: answers}, fault.Diverged},
		"beyond all numbers":  {spec.EvaluateOutcome{Rows: 1, Tokens: 1, AdapterNLL: 1e6, BaseAnswers: answers, AdapterAnswers: answers}, fault.Diverged},
		"an answer too few":   {spec.EvaluateOutcome{Rows: 1, Tokens: 1, BaseAnswers: answers, AdapterAnswers: answers[:1]}, unknownFailure},
		"an answer too many":  {spec.EvaluateOutcome{Rows: 1, Tokens: 1, BaseAnswers: []string{"a", "b", "c"}, AdapterAnswers: answers}, unknownFailure},
		"no answers whatever": {spec.EvaluateOutcome{Rows: 1, Tokens: 1}, unknownFailure},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.device.Evaluator = evaluatorFunc(func(context.Context, spec.EvaluateJob, func(spec.Progress)) (spec.EvaluateOutcome, error) {
				return test.outcome, nil
			})
			_, err := try(t, r, r.device.EvaluateTarget, targetInput(t, r))
			kind, _ := kindOf(t, err)
			require.Equal(t, test.kind, kind)
		})
	}
}

func TestStoppingWorkerEndsAnEvaluationForAnotherToBegin(t *testing.T) {
	r := newRoomWith(t, mem.New(), nil)
	stop := make(chan struct{})
	r.SetWorkerStopChannel(stop)
	r.device.Evaluator = evaluatorFunc(func(ctx context.Context, _ spec.EvaluateJob, _ func(spec.Progress)) (spec.EvaluateOutcome, error) {
		close(stop)
		<-ctx.Done()
		return spec.EvaluateOutcome{}, ctx.Err()
	})
	_, err := try(t, r, r.device.EvaluateTarget, targetInput(t, r))
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Preempted, kind)
	require.False(t, final)
}

func TestReportShowsFiguresAndAnswers(t *testing.T) {
	r := newRoom(t)
	score := do(t, r, r.device.EvaluateTarget, targetInput(t, r))
	in := spec.ReportInput{Run: "run-1", Base: targetInput(t, r).Base, Scores: []spec.AdapterScore{score}}
	ref := do(t, r, r.control.WriteReport, in)

	text := r.read(t, ref, "report.md")
	require.Contains(t, text, "| patient | 1 | 4 | 3.0000 | 1.2500 | -1.7500 | 20.09 | 3.49 |\n")
	require.Contains(t, text, "**Do I | need help?**\n\nBefore:\n\n    I have read 303 characters.\n\nAfter:\n\n    See a doctor. (fa00000000000000)\n")
	var report spec.Report
	require.NoError(t, json.Unmarshal([]byte(r.read(t, ref, "report.json")), &report))
	require.Equal(t, spec.Report{Base: in.Base, Scores: in.Scores}, report)

	in.Run, in.Scores[0].Unchanged = "run-2", "from run-1"
	require.Equal(t, ref, do(t, r, r.control.WriteReport, in), "another run with the same scores")
}

func TestModelsTextIsNoMarkdown(t *testing.T) {
	require.Equal(t, "    # A title\n    | a | b |\n", quoted("# A title\r\n| a | b |\n"))
	require.Equal(t, "_(nothing)_\n", quoted(" \n"))
}

func caseOf(question string) string { return spec.DigestOf(sha256.Sum256([]byte(question))).Short() }

func metricsOf(comparisons []spec.Comparison) (metrics []spec.Metric) {
	for _, c := range comparisons {
		metrics = append(metrics, c.Metric)
	}
	return metrics
}

func itemsOf(comparisons []spec.Comparison) (items []int) {
	for _, c := range comparisons {
		items = append(items, c.Items)
	}
	return items
}
