//go:build torch

package recipes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/scoring/memory"
	"elara/spec"
	"elara/spec/fault"
)

// guideTexts puts questions with answers into the guide's form.
func guideTexts(t *testing.T, pairs ...string) []string {
	t.Helper()
	var texts []string
	for _, pair := range pairs {
		question, answer, _ := strings.Cut(pair, "? ")
		text, err := instruct.Guide().Text(question+"?", answer, spec.General)
		require.NoError(t, err)
		texts = append(texts, text)
	}
	return texts
}

func memoryJob(t *testing.T, base string, planted int) spec.MemoryJob {
	t.Helper()
	plan := spec.CanaryPlan{Count: 3, Candidates: 300, Seed: 42}
	canaries, err := memory.Canaries(plan)
	require.NoError(t, err)
	rows, err := memory.Texts(canaries, spec.General)
	require.NoError(t, err)
	var train []string
	for range planted {
		train = append(train, rows[:2]...) // the third is never planted
	}
	return spec.MemoryJob{
		BaseModel: base, TrainDataPath: textsFile(t, append(train, guideTexts(t, questions[:4]...)...)...),
		EvalDataPath: textsFile(t, guideTexts(t, questions[4:]...)...), Audience: spec.General, MaxLength: 512, Canaries: plan,
		Bounds: spec.MemoryBounds{VerbatimTokens: 50, MembershipAUC: 0.55},
	}
}

// A model that was not trained has each rank equally often, tells nothing word for word, and its losses are those that Score gives.
func TestMemoryOfAModelThatKnowsNothing(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r)
	job := memoryJob(t, dir, 2)
	got, err := r.Memory(t.Context(), job)
	require.NoError(t, err)
	require.Len(t, got.Canaries, 3)
	for i, c := range got.Canaries {
		require.Equal(t, []int{2, 2, 0}[i], c.Planted)
		require.False(t, c.IsFound)
		require.Nil(t, c.BaseExposure)
		require.InDelta(t, memory.Exposure(c.Rank, 300), c.Exposure, 1e-12)
	}
	require.Equal(t, 4, got.Verbatim.Rows, "canaries are no rows of patients")
	require.Equal(t, 1, got.Verbatim.TooShort, "bytes are tokens here: one row has fewer than 50 behind the template")
	require.Empty(t, got.Verbatim.Lines)
	require.Equal(t, 4, got.Membership.TrainedRows)
	require.Equal(t, 4, got.Membership.HeldOutRows)

	// By the other way: whole texts, one by one.
	mean := 0.0
	template, _, found := strings.Cut(guideTexts(t, questions[0])[0], questions[0][:8])
	require.True(t, found)
	for _, s := range scores(t, r, dir, "", guideTexts(t, questions[:4]...)) {
		row := 0.0
		own := s.LogProbs[len(template)-1:] // a byte is a token, and the first has no prediction
		for _, l := range own {
			row -= float64(l) / float64(len(own))
		}
		mean += row / 4
	}
	require.InDelta(t, mean, got.Membership.Threshold, 1e-4)
	require.Equal(t, spec.InsufficientData, got.Verdict, "four rows are too few")

	again, err := r.Memory(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, got, again)
}

func TestMemoryLooksAtAnswersAloneWhereTheyAloneWereTrained(t *testing.T) {
	r := newRunner(t)
	job := memoryJob(t, tinyModel(t, r), 0)
	job.CompletionOnlyLoss, job.MaxRows = true, 2
	got, err := r.Memory(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, 2, got.Membership.TrainedRows)
	require.Equal(t, 2, got.Verbatim.TooShort, "no answer has 50 bytes")
	require.Contains(t, got.Reasons, "no canary of this plan stands among the training rows, so that none could be found")
	require.Contains(t, got.Reasons, "no row has 50 tokens to be told word for word")

	job.EvalDataPath = textsFile(t, "not of the template's form")
	_, err = r.Memory(t.Context(), job)
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "no row has a token to look at")
}
