//go:build torch

package recipes

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// What Score says of whole texts, by hand: the sum over the answer's tokens behind each prompt, less the mean of probabilities behind the
// two next prompts, per token.
func TestGainIsWhatTheScoresOfWholeTextsSay(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r)
	prompts := []string{"What is asthma?", "Can fever be good?", "What is asthma?", "How is gout treated?"}
	answers := []string{" A disease of the airways.", " Yes.", "", " With rest"}
	got, err := r.Gains(t.Context(), dir, prompts, answers, 2)
	require.NoError(t, err)
	behind := map[int][]int{0: {1, 3}, 1: {2, 3}, 3: {0, 1}} // the next ones with other words
	for i, others := range behind {
		sum := func(prompt int) (total float64, tokens int) {
			whole := scores(t, r, dir, "", []string{prompts[prompt] + answers[i]})[0]
			alone := scores(t, r, dir, "", []string{prompts[prompt]})[0]
			for _, l := range whole.LogProbs[len(alone.LogProbs):] {
				total += float64(l)
			}
			return total, len(whole.LogProbs) - len(alone.LogProbs)
		}
		own, tokens := sum(i)
		first, _ := sum(others[0])
		second, _ := sum(others[1])
		want := (own - math.Log((math.Exp(first)+math.Exp(second))/2)) / float64(tokens)
		require.InDelta(t, want, got[i], 1e-4, "answer %d", i)
	}
	require.Zero(t, got[2], "an empty answer fits nothing")
	done := 0
	require.NoError(t, r.open(t.Context(), dir, "", func(b *base, _ int) error {
		_, err := r.gains(t.Context(), b, prompts, answers, 2, func(n int) { done += n })
		return err
	}))
	require.Equal(t, len(answers), done, "progress counts empty answers, too")

	_, err = r.Gains(t.Context(), dir, []string{"Q?", "Q?"}, []string{"a", "b"}, 2)
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "all 2 prompts are of the same words")
}

// The yardstick of an evaluation is the base, for its own answers and for the adapter's.
func TestEvaluationMeasuresGainsByTheBase(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.LearningRate = 1e-2
	trained(t, r, job)
	prompts := []string{"What is", "Can", "How"}
	steps, total := int64(0), int64(0)
	out, err := r.Evaluate(t.Context(), spec.EvaluateJob{
		BaseModel: job.BaseModel, Adapter: job.OutputDir, EvalDataPath: job.TrainDataPath, MaxLength: 64, MaxNewTokens: 6, Prompts: prompts, OtherQuestions: 2,
	}, func(p spec.Progress) { steps, total = p.Step, p.TotalSteps })
	require.NoError(t, err)
	require.Equal(t, total, steps)
	for _, side := range []struct {
		answers []string
		gains   []float64
	}{{out.BaseAnswers, out.BaseGains}, {out.AdapterAnswers, out.AdapterGains}} {
		want, err := r.Gains(t.Context(), job.BaseModel, prompts, side.answers, 2)
		require.NoError(t, err)
		require.InDeltaSlice(t, want, side.gains, 1e-6)
	}
}
