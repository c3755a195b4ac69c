package chain

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage/artifact"
	"elara/workflows"
)

// pretrainingInput is the pipeline of the other tests with a continued pre-training before its adapters.
func pretrainingInput(run spec.RunID, bucket string) spec.PipelineInput {
	in := input(run, bucket)
	in.Pretrain = spec.PretrainPlan{
		Sources:     []spec.CorpusSource{{Path: "testdata/corpus.txt", SampleBy: spec.ByLine}},
		EvalPercent: 25, MaxLength: 512, LongDocuments: spec.LongSplit, SegmentSteps: segmentSteps,
		Args: spec.TrainingArgs{MaxSteps: steps, SaveSteps: 2, SaveTotalLimit: 2, Seed: 3},
	}
	return in
}

// A run with a corpus: the adapters are trained on the model that came out of it, and a second run finds that model.
func TestPretrainedModelIsTheBaseOfTheAdapters(t *testing.T) {
	th := open(t, "corpus")
	th.worker(t, "corpus", 0)
	store := th.store(t, "corpus")
	plain := th.start(t, "corpus", input("run-plain", "corpus")).approve(t)
	require.Nil(t, plain.Pretrain)

	result := th.start(t, "corpus", pretrainingInput("run-1", "corpus")).approve(t)
	require.Equal(t, plain.Base, result.Pretrain.Base)
	require.Equal(t, result.Pretrain.Model, result.Base)
	require.NotEqual(t, plain.Base, result.Base)
	require.Equal(t, int64(10), result.Pretrain.Corpus.TrainDocs+result.Pretrain.Corpus.EvalDocs)
	require.Equal(t, int64(1), result.Pretrain.Corpus.Blank)
	for i, adapter := range result.Adapters {
		manifest, err := artifact.Load(t.Context(), store, adapter.Ref)
		require.NoError(t, err)
		require.Contains(t, manifest.Inputs, result.Pretrain.Model.Digest)
		require.NotEqual(t, plain.Adapters[i].Ref, adapter.Ref)
	}

	again := th.start(t, "corpus", pretrainingInput("run-2", "corpus")).result(t) // this candidate is released
	require.Equal(t, result.Base, again.Base)
	var reasons []string
	for _, skipped := range again.Skipped {
		if skipped.Stage == spec.StagePretrain {
			reasons = append(reasons, skipped.Reason)
		}
	}
	require.Len(t, reasons, 1)

	record(t, th.client, map[string]string{
		"pipeline-pretrained": workflows.PipelineID("run-1"),
		"pretrain":            workflows.PretrainID("run-1"),
		"pretrain-unchanged":  workflows.PretrainID("run-2"),
	})
}
