//go:build torch

package recipes

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// At the beginning policy and reference are one, and each pair's loss is log 2; then the chosen answers gain on the rejected ones.
func TestDPOPrefersWhatWasChosen(t *testing.T) {
	r := newRunner(t)
	job := smallDPO(t, tinyModel(t, r))
	job.LoRA.Dropout, job.Args.EvalStrategy, job.Args.EvalOnStart, job.Args.EvalSteps, job.Args.LoggingSteps = 0, "steps", true, 8, 1
	o := &recorder{}
	out, err := r.TrainDPO(t.Context(), job, nil, o)
	require.NoError(t, err)
	require.True(t, out.Done)
	require.InDelta(t, math.Ln2, o.progress[0].Loss, 1e-6)
	require.InDelta(t, math.Ln2, o.progress[0].EvalLoss, 1e-6)
	require.Less(t, out.EvalLoss, 0.6)
}

func TestDPOGoesOnFromAnAdapterThatIsTheReference(t *testing.T) {
	r := newRunner(t)
	sft := smallJob(t, tinyModel(t, r))
	trained(t, r, sft)
	job := smallDPO(t, sft.BaseModel)
	job.InitAdapter, job.LoRA.Dropout, job.Args.LoggingSteps = sft.OutputDir, 0, 1
	o := &recorder{}
	_, err := r.TrainDPO(t.Context(), job, nil, o)
	require.NoError(t, err)
	require.InDelta(t, math.Ln2, o.progress[0].Loss, 1e-6, "the reference is the adapter, not the base")

	job.LoRA.R = 8
	_, err = r.TrainDPO(t.Context(), job, nil, &recorder{})
	require.ErrorContains(t, err, "the adapter has another r than the configuration")
}

func TestDPOSnapshotOfOtherPairsIsRefused(t *testing.T) {
	r := newRunner(t)
	job := smallDPO(t, tinyModel(t, r))
	o := &recorder{yieldAt: 2}
	_, err := r.TrainDPO(t.Context(), job, nil, o)
	require.NoError(t, err)
	snapshot := o.saved[2]
	changed := job
	changed.TrainDataPath = pairsFile(t, separable(1, 12, false))
	_, err = r.TrainDPO(t.Context(), changed, &snapshot, &recorder{})
	require.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)
	snapshot.Files[referenceFile] = []byte("{")
	_, err = r.TrainDPO(t.Context(), job, &snapshot, &recorder{})
	require.Equal(t, fault.Corrupt, fault.KindOf(err), "%v", err)
}
