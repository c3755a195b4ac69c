package activities

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
	"elara/storage/mem"
	"elara/tests/toy"
)

// pretrainInput is a continued pre-training of 20 steps that saves every 5, on nine documents.
func pretrainInput(t *testing.T, r *room) spec.PretrainInput {
	t.Helper()
	base, err := artifact.PublishBytes(t.Context(), r.store, spec.KindBaseModel, map[string][]byte{"tiny.gguf": []byte("weights")}, nil, nil)
	require.NoError(t, err)
	folder := files(t, map[string]string{"a.txt": "Gout hurts.\n\nCroup barks.\n", "b/c.jsonl": "{\"text\": \"Asthma wheezes.\\nAt night.\"}\n"})
	return spec.PretrainInput{Run: "run-1", Base: base, Plan: spec.PretrainPlan{
		Sources:   []spec.CorpusSource{{Path: filepath.Join(folder, "b"), SampleBy: spec.ByLine}, {Path: filepath.Join(folder, "a.txt"), SampleBy: spec.ByLine}},
		MaxLength: 512, LongDocuments: spec.LongSplit, SegmentSteps: 10, Args: spec.TrainingArgs{MaxSteps: 20, SaveSteps: 5, Seed: 3},
	}}
}

func pretrainSegment(t *testing.T, r *room, until int64) spec.PretrainSegmentInput {
	t.Helper()
	in := pretrainInput(t, r)
	return spec.PretrainSegmentInput{PretrainTarget: spec.PretrainTarget{PretrainInput: in, Corpus: do(t, r, r.control.CollectCorpus, in).Corpus}, UntilStep: until}
}

func TestCorpusIsCollectedInTheOrderOfItsSources(t *testing.T) {
	r := newRoom(t)
	in := pretrainInput(t, r)
	result := do(t, r, r.control.CollectCorpus, in)
	require.Equal(t, []int64{3, 0, 1}, []int64{result.TrainDocs, result.EvalDocs, result.Blank})
	require.Equal(t, spec.KindCorpus, result.Corpus.Kind)
	require.Equal(t, []string{"train.jsonl"}, r.names(t, result.Corpus))
	require.Equal(t, "{\"text\":\"Asthma wheezes.\\nAt night.\"}\n{\"text\":\"Gout hurts.\"}\n{\"text\":\"Croup barks.\"}\n", r.read(t, result.Corpus, "train.jsonl"))
	require.Equal(t, result, do(t, r, r.control.CollectCorpus, in), "the same files are the same corpus")

	in.Plan.EvalPercent = 54 // the hash of one text is below that
	held := do(t, r, r.control.CollectCorpus, in)
	require.Equal(t, []int64{2, 1, 1}, []int64{held.TrainDocs, held.EvalDocs, held.Blank})
	require.Equal(t, "{\"text\":\"Croup barks.\"}\n", r.read(t, held.Corpus, "eval.jsonl"))
}

func TestCorpusWithoutDocumentsIsRefusedByName(t *testing.T) {
	r := newRoom(t)
	for text, want := range map[string]string{
		"\n\n":          "corpus.txt: no document to train on (0 held out, 2 blank)",
		"Gout hurts.\n": "corpus.txt: none of 1 documents is held out, expected a larger eval_percent than 5",
	} {
		in := pretrainInput(t, r)
		in.Plan.EvalPercent = 5
		in.Plan.Sources = []spec.CorpusSource{{Path: filepath.Join(files(t, map[string]string{"corpus.txt": text}), "corpus.txt")}}
		_, err := try(t, r, r.control.CollectCorpus, in)
		kind, final := kindOf(t, err)
		require.Equal(t, fault.Invalid, kind)
		require.True(t, final)
		require.ErrorContains(t, err, want)
	}
}

func TestPretrainingInSegmentsGivesTheModelOfAnUnbrokenOne(t *testing.T) {
	calm := newRoom(t)
	want := do(t, calm, calm.device.PretrainSegment, pretrainSegment(t, calm, 100))
	require.True(t, want.Outcome.Done)
	require.Equal(t, spec.KindBaseModel, want.Model.Kind)

	r := newRoom(t)
	first := do(t, r, r.device.PretrainSegment, pretrainSegment(t, r, 7))
	require.Equal(t, int64(7), first.Outcome.Step)
	require.Zero(t, first.Model)
	last := do(t, r, r.device.PretrainSegment, pretrainSegment(t, r, 100))
	require.Equal(t, int64(7), last.ResumedFrom)
	require.Equal(t, first.Token+1, last.Token)
	require.Equal(t, want.Model, last.Model)
	require.Equal(t, calm.read(t, want.Model, toy.WeightsFile), r.read(t, last.Model, toy.WeightsFile))

	in := pretrainSegment(t, r, 0).PretrainTarget
	manifest, err := artifact.Load(t.Context(), r.store, last.Model)
	require.NoError(t, err)
	require.ElementsMatch(t, []spec.Digest{in.Base.Digest, in.Corpus.Digest}, manifest.Inputs)

	t.Run("and a run to come finds it", func(t *testing.T) {
		in.Run, in.Plan.SegmentSteps = "run-2", 3 // not what the model is made of
		found := do(t, r, r.control.FindPretrained, in)
		require.Equal(t, last.Model, found.Model)
		require.Equal(t, last.Outcome, found.Outcome)
		require.NotEmpty(t, found.Unchanged)
		for name, change := range map[string]func(*spec.PretrainTarget){
			"learning rate":  func(in *spec.PretrainTarget) { in.Plan.Args.LearningRate = 1e-3 },
			"max length":     func(in *spec.PretrainTarget) { in.Plan.MaxLength = 256 },
			"long documents": func(in *spec.PretrainTarget) { in.Plan.LongDocuments = spec.LongCut },
			"end of text":    func(in *spec.PretrainTarget) { in.Plan.AppendEOS = true },
			"corpus":         func(in *spec.PretrainTarget) { in.Corpus.Digest = in.Base.Digest },
			"base":           func(in *spec.PretrainTarget) { in.Base.Digest = in.Corpus.Digest },
			"device":         func(in *spec.PretrainTarget) { in.Plan.Device = "cuda" },
		} {
			changed := in
			change(&changed)
			require.Empty(t, do(t, r, r.control.FindPretrained, changed).Unchanged, name)
		}
	})
}

func TestPretrainingKeepsSaveTotalLimitCheckpoints(t *testing.T) {
	r := newRoomWith(t, mem.NewAt(func() time.Time { return time.Now().Add(-time.Hour) }), toy.Trainer{})
	for _, until := range []int64{10, 20} {
		in := pretrainSegment(t, r, until)
		in.Plan.Args.SaveTotalLimit = 2
		do(t, r, r.device.PretrainSegment, in)
	}
	entries, err := checkpoint.List(t.Context(), r.store, "run-1", spec.PretrainName)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, []int64{15, 20}, []int64{entries[0].Step, entries[1].Step})
}
