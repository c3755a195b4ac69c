package activities

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/cas"
)

func smokeInput(t *testing.T, r *room) spec.SmokeInput {
	t.Helper()
	in := targetInput(t, r)
	in.Target.Dataset = spec.ArtifactRef{}
	return spec.SmokeInput{Run: "run-1", Base: in.Base, Target: in.Target, Question: "When is chest pain an emergency?"}
}

func TestSmokeTestLoadsTheAdapterAndAsksIt(t *testing.T) {
	r := newRoom(t)
	got := do(t, r, r.device.SmokeTest, smokeInput(t, r))
	require.Equal(t, spec.SmokeResult{Adapter: "patient", Loss: 1.25}, got) // the toy's adapter loses 1 + 250/1000 nats a token
}

func TestSmokeTestAsksInTheWordsOfTheAudience(t *testing.T) {
	r := newRoom(t)
	var asked, text string
	var answersOnly bool
	r.device.Evaluator = evaluatorFunc(func(_ context.Context, job spec.EvaluateJob, _ func(spec.Progress)) (spec.EvaluateOutcome, error) {
		data, err := os.ReadFile(job.EvalDataPath)
		asked, text, answersOnly = job.Prompts[0], string(data), job.CompletionOnlyLoss
		return spec.EvaluateOutcome{Rows: 1, Tokens: 2, BaseAnswers: []string{""}, AdapterAnswers: []string{"At once."}}, err
	})
	in := smokeInput(t, r)
	in.Target.CompletionOnlyLoss = true
	do(t, r, r.device.SmokeTest, in)
	require.False(t, answersOnly, "the text has no answer: no token of it would be left")
	require.Contains(t, asked, "When is chest pain an emergency?")
	require.Contains(t, asked, "patient")
	require.Contains(t, text, "When is chest pain an emergency?")
}

func TestSmokeTestFailsForAnAdapterThatIsNotGood(t *testing.T) {
	answering := func(nll float64, answer string) evaluatorFunc {
		return func(context.Context, spec.EvaluateJob, func(spec.Progress)) (spec.EvaluateOutcome, error) {
			return spec.EvaluateOutcome{Rows: 1, Tokens: 2, AdapterNLL: nll, BaseAnswers: []string{"x"}, AdapterAnswers: []string{answer}}, nil
		}
	}
	for name, test := range map[string]struct {
		evaluator evaluatorFunc
		kind      fault.Kind
	}{
		"says nothing":              {answering(1, " \n"), fault.Diverged},
		"has a loss without bounds": {answering(math.Inf(1), "x"), fault.Diverged},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.device.Evaluator = test.evaluator
			_, err := try(t, r, r.device.SmokeTest, smokeInput(t, r))
			kind, final := kindOf(t, err)
			require.Equal(t, test.kind, kind)
			require.True(t, final)
		})
	}
	t.Run("is damaged in the store", func(t *testing.T) {
		r := newRoom(t)
		in := smokeInput(t, r)
		manifest, err := artifact.Load(t.Context(), r.store, in.Target.Adapter)
		require.NoError(t, err)
		require.NoError(t, r.store.Delete(t.Context(), cas.Key(manifest.Files[0].Digest)))
		_, err = try(t, r, r.device.SmokeTest, in)
		_, final := kindOf(t, err)
		require.True(t, final)
	})
}
