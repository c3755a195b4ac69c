//go:build torch

package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// learnt trains a reward model on many pairs and gives what it is worth.
func learnt(t *testing.T, coin bool) *spec.RewardReport {
	t.Helper()
	r := newRunner(t)
	job := smallReward(t, tinyModel(t, r))
	job.TrainDataPath, job.EvalDataPath = pairsFile(t, separable(0, 64, coin)), pairsFile(t, separable(1000, 100, coin))
	job.LoRA.Dropout, job.Args.MaxSteps, job.Args.SaveStrategy, job.Args.PerDeviceTrainBatchSize = 0, 30, "no", 8
	out, err := r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.True(t, out.Done)
	return out.Report
}

func TestRewardModelLearnsWhatCanBeLearnt(t *testing.T) {
	separable := learnt(t, false)
	require.GreaterOrEqual(t, separable.HeldOut.Accuracy.Value, 0.95)
	require.EqualValues(t, 100, separable.HeldOut.Pairs)
	require.EqualValues(t, 64, separable.Pairs)
	// 100 flips of a coin lie between 35 and 65 in all but 1 of 300 cases.
	random := learnt(t, true)
	require.InDelta(t, 0.5, random.HeldOut.Accuracy.Value, 0.15)
	require.Less(t, random.HeldOut.Accuracy.Low, 0.5)
}

// By hand: margins of log 3 and -log 3 are probabilities of 3/4 for one's own choice; one of both was right.
func TestHeldOutPairsByHand(t *testing.T) {
	const log3 = 1.0986122886681098
	h := heldOutPairs([]float64{log3, 0, 0, log3, 5, -5, 1, 1})
	require.EqualValues(t, 4, h.Pairs)
	require.EqualValues(t, 2, h.Right)
	require.InDelta(t, 2.5, h.MeanMargin, 1e-12)
	require.EqualValues(t, 2, h.Calibration[5].Pairs)
	require.Equal(t, 0.75, h.Calibration[5].From)
	require.InDelta(t, 0.75, h.Calibration[5].Predicted, 1e-12)
	require.Equal(t, 0.5, h.Calibration[5].Observed.Value)
	require.EqualValues(t, 1, h.Calibration[9].Pairs)
	require.EqualValues(t, 1, h.Calibration[0].Pairs, "equal scores")
	require.Zero(t, h.Calibration[0].Observed.Value)
	// (2*0.25 + 0.5 + (1 - sigmoid(10))) / 4
	require.InDelta(t, 0.25, h.CalibrationError, 1e-4)
}

// trainedPairs runs both trainings from preferences over one set of files, with a kill after each step, and compares.
func TestPreferenceTrainingsResumeToTheSameBytes(t *testing.T) {
	r := newRunner(t)
	base := tinyModel(t, r)
	reward, dpo := smallReward(t, base), smallDPO(t, base)
	for name, run := range map[string]func(r *Runner, dir string, resume *spec.Snapshot, o *recorder) error{
		"reward": func(r *Runner, dir string, resume *spec.Snapshot, o *recorder) error {
			job := reward
			job.OutputDir = dir
			_, err := r.TrainReward(t.Context(), job, resume, o)
			return err
		},
		"DPO": func(r *Runner, dir string, resume *spec.Snapshot, o *recorder) error {
			job := dpo
			job.OutputDir = dir
			_, err := r.TrainDPO(t.Context(), job, resume, o)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			unbroken, dir := &recorder{}, t.TempDir()
			require.NoError(t, run(r, dir, nil, unbroken))
			want := folderBytes(t, dir)
			killed := errors.New("killed")
			for _, kill := range []int64{1, 3, 7} {
				first := &recorder{onSave: func(step int64) error {
					if step > kill {
						return killed
					}
					return nil
				}}
				again := t.TempDir()
				require.ErrorIs(t, run(newRunner(t), again, nil, first), killed)
				snapshot, second := first.saved[kill], &recorder{}
				require.NoError(t, run(newRunner(t), again, &snapshot, second))
				for step := kill + 1; step <= 8; step++ {
					requireSameFiles(t, unbroken.saved[step].Files, second.saved[step].Files, fmt.Sprintf("killed after step %d, at step %d", kill, step))
				}
				require.Equal(t, want, folderBytes(t, again), "killed after step %d", kill)
			}
		})
	}
}

func TestRewardReportIsWritten(t *testing.T) {
	r := newRunner(t)
	job := smallReward(t, tinyModel(t, r))
	job.EvalDataPath = ""
	out, err := r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.Nil(t, out.Report.HeldOut)
	var read spec.RewardReport
	require.NoError(t, json.Unmarshal([]byte(folderBytes(t, job.OutputDir)[rewardFile]), &read))
	require.Equal(t, *out.Report, read)
	require.NoError(t, read.Base.Check())
	require.NoError(t, read.Tokenizer.Check())
}
