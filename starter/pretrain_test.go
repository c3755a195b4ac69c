package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// pretraining is a run in the stage before the adapters.
func pretraining() view {
	v := training()
	v.Stage, v.Status.Stage = spec.StagePretrain, spec.StagePretrain
	v.Status.Pretrain = &spec.PretrainStatus{WorkflowID: "pretrain.demo-1", Base: spec.ArtifactRef{Digest: digest("b"), SizeBytes: 92871040}}
	v.Now = spec.Progress{Stage: spec.StagePretrain, Adapter: spec.PretrainName, Step: 1200, TotalSteps: 4000, Loss: 2.3456, TokensPerSecond: 811.6}
	return v
}

func TestPretrainingHasItsPlaceAmongTheStages(t *testing.T) {
	v := pretraining()
	frame := strings.Join(v.frame(100), "\n")
	require.Contains(t, frame, "✓ base       92.9 MB\n  ● pretrain   1,200 of 4,000 steps · loss 2.346 · 812 tok/s\n  ○ train\n")
	require.Equal(t, "2m 13s pretrain: 1,200 of 4,000 steps · loss 2.346 · 812 tok/s", v.plain())

	v.Stage, v.Status.Stage = spec.StageTrain, spec.StageTrain
	v.Status.Pretrain.Ref, v.Status.Pretrain.Steps, v.Status.Pretrain.Documents = spec.ArtifactRef{Digest: digest("9")}, 4000, 31000
	require.Contains(t, strings.Join(v.frame(100), "\n"), "✓ pretrain   4,000 steps over all weights, 31,000 documents\n  ● train\n")
	require.Equal(t, "Pretrain base model bbbbbbbbbbbb on 31,000 documents, 4,000 steps: base model 999999999999\n", pretrainText(*v.Status.Pretrain))

	v.Status.Skipped = append(v.Status.Skipped, spec.SkippedStage{Stage: spec.StagePretrain, Reason: "made before"})
	require.Contains(t, strings.Join(v.frame(100), "\n"), "✓ pretrain   nothing to do: made before\n")
	require.NotContains(t, strings.Join(training().frame(100), "\n"), "pretrain", "a pipeline without the stage does not show it")
}
