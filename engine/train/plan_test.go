package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// The numbers follow transformers' Trainer: an epoch of n rows has ceil(n / batch) micro-batches and ceil(that / accumulation)
// steps, and max_steps beats num_train_epochs.
func TestPlanCountsStepsAsTheTrainer(t *testing.T) {
	for name, c := range map[string]struct {
		rows, batch, accumulation int
		epochs                    float64
		maxSteps                  int64
		perEpoch, total           int64
	}{
		"all divides":                 {16, 2, 4, 3, -1, 2, 6},
		"a short last micro-batch":    {17, 2, 4, 1, -1, 3, 3}, // 9 micro-batches: 4 + 4 + 1
		"a short last step":           {11, 2, 2, 2, -1, 3, 6}, // 6 micro-batches: 2 + 2 + 2
		"one row":                     {1, 8, 8, 3, -1, 1, 3},
		"half an epoch":               {16, 2, 2, 0.5, -1, 4, 2},
		"a broken number of epochs":   {10, 2, 2, 1.5, -1, 3, 5}, // 1.5 * 3 = 4.5, rounded up
		"max_steps beats the epochs":  {16, 2, 2, 3, 5, 4, 5},
		"max_steps beyond the epochs": {4, 2, 2, 1, 7, 1, 7},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPlan(spec.TrainingArgs{
				PerDeviceTrainBatchSize: c.batch, GradientAccumulationSteps: c.accumulation, NumTrainEpochs: c.epochs, MaxSteps: c.maxSteps,
			}, c.rows)
			require.NoError(t, err)
			require.Equal(t, c.perEpoch, p.StepsPerEpoch)
			require.Equal(t, c.total, p.TotalSteps)
		})
	}
}

func TestSequentialBatchesLeaveNoRowOut(t *testing.T) {
	p, err := NewPlan(spec.TrainingArgs{PerDeviceTrainBatchSize: 2, GradientAccumulationSteps: 2, NumTrainEpochs: 2, TrainSamplingStrategy: "sequential"}, 7)
	require.NoError(t, err)
	require.Equal(t, int64(4), p.TotalSteps)
	for _, epoch := range []int64{0, 1} {
		require.Equal(t, [][]int{{0, 1}, {2, 3}}, p.Batches(2*epoch+1))
		require.Equal(t, [][]int{{4, 5}, {6}}, p.Batches(2*epoch+2))
	}
	require.InDeltaSlice(t, []float64{0.5, 1, 1.5, 2}, []float64{p.Epoch(1), p.Epoch(2), p.Epoch(3), p.Epoch(4)}, 1e-12)
	require.False(t, p.EndsEpoch(1))
	require.True(t, p.EndsEpoch(2))
}

// With 5 micro-batches and accumulation 2 the Trainer logs 2/5, 4/5 and 1 of an epoch.
func TestEpochCountsMicroBatches(t *testing.T) {
	p, err := NewPlan(spec.TrainingArgs{PerDeviceTrainBatchSize: 2, GradientAccumulationSteps: 2, NumTrainEpochs: 1}, 10)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{0.4, 0.8, 1}, []float64{p.Epoch(1), p.Epoch(2), p.Epoch(3)}, 1e-12)
}

// The orders are torch.randperm(7) of seeds 42 and 43, from testdata/golden.json; asking out of turn changes nothing.
func TestRandomBatchesFollowSeedPlusEpoch(t *testing.T) {
	orders := map[int64][]int{}
	for _, p := range readGolden(t).Permutations {
		if p.N == 7 {
			orders[p.Seed] = p.Order
		}
	}
	data := int64(42)
	for name, args := range map[string]spec.TrainingArgs{"seed": {Seed: 42}, "data_seed": {Seed: 1, DataSeed: &data}} {
		t.Run(name, func(t *testing.T) {
			args.PerDeviceTrainBatchSize, args.GradientAccumulationSteps, args.NumTrainEpochs = 3, 1, 2
			p, err := NewPlan(args, 7)
			require.NoError(t, err)
			for _, step := range []int64{5, 1, 6, 2, 4, 3} {
				order, at := orders[42+(step-1)/3], 3*int((step-1)%3)
				require.Equal(t, [][]int{order[at:min(at+3, 7)]}, p.Batches(step), "step %d", step)
			}
		})
	}
}

func TestPlanWithoutAStepIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		args spec.TrainingArgs
		rows int
	}{
		"no rows":         {spec.TrainingArgs{PerDeviceTrainBatchSize: 1, GradientAccumulationSteps: 1, NumTrainEpochs: 1}, 0},
		"no batch":        {spec.TrainingArgs{GradientAccumulationSteps: 1, NumTrainEpochs: 1}, 4},
		"no accumulation": {spec.TrainingArgs{PerDeviceTrainBatchSize: 1, NumTrainEpochs: 1}, 4},
		"no epoch":        {spec.TrainingArgs{PerDeviceTrainBatchSize: 1, GradientAccumulationSteps: 1}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPlan(c.args, c.rows)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
		})
	}
}

// 17 rows make 5 full micro-batches of 3: steps of 2, 2 and 1, and rows 15 and 16 of the order are left out.
func TestDroppedRowsAreThoseAfterTheLastFullMicroBatch(t *testing.T) {
	args := spec.TrainingArgs{PerDeviceTrainBatchSize: 3, GradientAccumulationSteps: 2, NumTrainEpochs: 2, TrainSamplingStrategy: "sequential", DataloaderDropLast: true}
	p, err := NewPlan(args, 17)
	require.NoError(t, err)
	require.Equal(t, []int64{3, 6}, []int64{p.StepsPerEpoch, p.TotalSteps})
	require.Equal(t, [][]int{{12, 13, 14}}, p.Batches(3))
	require.Equal(t, [][]int{{0, 1, 2}, {3, 4, 5}}, p.Batches(4))
	require.InDeltaSlice(t, []float64{0, 0.4, 0.8, 1}, []float64{p.Epoch(0), p.Epoch(1), p.Epoch(2), p.Epoch(3)}, 1e-12)
	_, err = NewPlan(args, 2)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "dataloader_drop_last leaves none of 2 rows")
}

// The orders of the golden file are those of batches that count a whole step, with the seed plus the epoch.
func TestGroupedBatchesFollowTheLengths(t *testing.T) {
	groups := readGolden(t).Groups
	first, second := groups[2], groups[3] // one set of 37 rows, batches of 4, seeds 42 and 43
	require.Equal(t, first.Lengths, second.Lengths)
	args := spec.TrainingArgs{PerDeviceTrainBatchSize: 1, GradientAccumulationSteps: 4, NumTrainEpochs: 2, Seed: 42, TrainSamplingStrategy: "group_by_length"}
	p, err := NewPlanByLength(args, first.Lengths)
	require.NoError(t, err)
	require.Equal(t, [][]int{first.Order[4:5], first.Order[5:6], first.Order[6:7], first.Order[7:8]}, p.Batches(2))
	require.Equal(t, [][]int{second.Order[:1], second.Order[1:2], second.Order[2:3], second.Order[3:4]}, p.Batches(11))
	require.Equal(t, [][]int{first.Order[36:]}, p.Batches(10))
	_, err = NewPlan(args, 37)
	require.Equal(t, fault.Invalid, fault.KindOf(err))

	args.TrainSamplingStrategy = "random"
	byLength, err := NewPlanByLength(args, first.Lengths)
	require.NoError(t, err)
	byRows, err := NewPlan(args, 37)
	require.NoError(t, err)
	require.Equal(t, byRows.Batches(3), byLength.Batches(3), "lengths change nothing else")
}
