//go:build torch

package recipes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/scoring/gates"
	"elara/scoring/measure"
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
		EvalDataPath: textsFile(t, guideTexts(t, questions[4:]...)...), Audience: spec.General, MaxLength: 512, Parts: spec.MemoryParts(), Canaries: plan,
		Bounds: spec.MemoryBounds{VerbatimTokens: 50, MembershipAUC: 0.55},
	}
}

// A model that was not trained has each rank equally often, tells nothing word for word, and its losses are those that Score gives.
func TestMemoryOfAModelThatKnowsNothing(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r)
	job := memoryJob(t, dir, 2)
	var last spec.Progress
	got, err := r.Memory(t.Context(), job, func(p spec.Progress) {
		require.Equal(t, last.Step+1, p.Step)
		last = p
	})
	require.NoError(t, err)
	require.Equal(t, []int64{11, 11}, []int64{last.Step, last.TotalSteps}, "three canaries, four rows, four others")
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
	require.Equal(t, measure.Share(0, 3).Estimate(), got.Verbatim.Share)
	require.Equal(t, measure.Share(0, 3).Estimate(), got.Found)
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

	again, err := r.Memory(t.Context(), job, func(spec.Progress) {})
	require.NoError(t, err)
	require.Equal(t, got, again)
}

func TestMemoryLooksAtAnswersAloneWhereTheyAloneWereTrained(t *testing.T) {
	r := newRunner(t)
	job := memoryJob(t, tinyModel(t, r), 0)
	job.CompletionOnlyLoss, job.MaxRows = true, 2
	got, err := r.Memory(t.Context(), job, func(spec.Progress) {})
	require.NoError(t, err)
	require.Equal(t, 2, got.Membership.TrainedRows)
	require.Equal(t, 2, got.Verbatim.TooShort, "no answer has 50 bytes")
	require.Contains(t, got.Reasons, "no canary of this plan stands among the training rows, so that none could be found")
	require.Contains(t, got.Reasons, "no row has 50 tokens to be told word for word")

	job.EvalDataPath = textsFile(t, "not of the template's form")
	_, err = r.Memory(t.Context(), job, func(spec.Progress) {})
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "no row has a token to look at")
}

// A row without a token to look at counts as done.
func TestProgressOfMemoryReachesItsEnd(t *testing.T) {
	r := newRunner(t)
	job := memoryJob(t, tinyModel(t, r), 0)
	job.CompletionOnlyLoss, job.Parts = true, []spec.MemoryPart{spec.PartMembership}
	job.EvalDataPath = textsFile(t, append(guideTexts(t, questions[4:]...), "not of the template's form")...)
	var last spec.Progress
	got, err := r.Memory(t.Context(), job, func(p spec.Progress) { last = p })
	require.NoError(t, err)
	require.Equal(t, 4, got.Membership.HeldOutRows)
	require.Equal(t, []int64{9, 9}, []int64{last.Step, last.TotalSteps})
}

// An adapter that was trained until it knows its canaries is rejected by the gates, and one that never met them is not, asked about the
// same rows.
func TestAnAdapterIsHeldToWhatItHasByHeart(t *testing.T) {
	r := newRunner(t)
	job := memoryJob(t, tinyModel(t, r), 4)
	job.CompletionOnlyLoss, job.Parts = true, []spec.MemoryPart{spec.PartCanaries}
	job.Canaries = spec.CanaryPlan{Count: 2, Candidates: 300, Seed: 42} // those that memoryJob plants
	learned := func(rows string, steps int64) string {
		train := smallJob(t, job.BaseModel)
		train.TrainDataPath, train.MaxLength, train.CompletionOnlyLoss = rows, job.MaxLength, true
		train.LoRA = spec.LoRAConfig{R: 32, Alpha: 64, Bias: "none", TargetModules: []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}}
		train.Args.MaxSteps, train.Args.PerDeviceTrainBatchSize, train.Args.GradientAccumulationSteps, train.Args.SaveStrategy = steps, 12, 1, "no"
		train.Args.LRSchedulerType, train.Args.LearningRate = "cosine", 1e-2
		trained(t, r, train)
		return train.OutputDir
	}
	judged := func(adapter string) (spec.MemoryResult, spec.AdapterGate) {
		job.Adapter = adapter
		got, err := r.Memory(t.Context(), job, func(spec.Progress) {})
		require.NoError(t, err)
		rules := spec.DefaultGateRules()
		rules.Target = spec.TargetNone
		return got, gates.Decide(rules, nil, &got)
	}
	got, gate := judged(learned(job.TrainDataPath, 120))
	for _, c := range got.Canaries {
		require.Equal(t, []int{4, 1}, []int{c.Planted, c.Rank})
		require.Less(t, *c.BaseExposure, c.Exposure)
	}
	require.Equal(t, spec.Reject, gate.Verdict)
	require.Equal(t, []string{"memory: 2 of 2 canaries are found, at most 0 may be"}, gate.Reasons)
	require.Zero(t, got.Membership, "nobody asked")

	got, gate = judged(learned(textsFile(t, guideTexts(t, questions[:4]...)...), 12))
	require.Zero(t, got.Found.Value)
	require.Equal(t, spec.Promote, gate.Verdict)
}
