//go:build torch

package recipes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
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

// Both trainings from preferences are killed after some of their steps, and go on in runners that have seen nothing.
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

func TestTiesPullScoresTogether(t *testing.T) {
	r := newRunner(t)
	job := smallReward(t, tinyModel(t, r))
	text, err := os.ReadFile(job.TrainDataPath)
	require.NoError(t, err)
	tied := filepath.Join(t.TempDir(), "ties.jsonl")
	require.NoError(t, os.WriteFile(tied, bytes.ReplaceAll(text, []byte("}"), []byte(`,"tie":true}`)), 0o600))
	job.TrainDataPath, job.EvalDataPath, job.CenterRewardsCoefficient, job.LoRA.Dropout = tied, tied, 0, 0
	job.Args.EvalStrategy, job.Args.EvalOnStart, job.Args.EvalSteps = "steps", true, 8
	o := &recorder{}
	out, err := r.TrainReward(t.Context(), job, nil, o)
	require.NoError(t, err)
	require.Greater(t, o.progress[0].EvalLoss, out.EvalLoss)
	require.InDelta(t, math.Ln2, out.EvalLoss, 1e-3, "the least that a tie can cost")
	require.Nil(t, out.Report.HeldOut, "ties have no right choice")
}

func TestRewardModelScoresAnswersAsItWasTaught(t *testing.T) {
	r := newRunner(t)
	job := smallReward(t, tinyModel(t, r))
	job.Audience, job.MaxLength = spec.Patient, 512
	out, err := r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	var held []Answered
	for _, p := range separable(100, 6, false) {
		held = append(held, Answered{p.Prompt, p.Chosen}, Answered{p.Prompt, p.Rejected})
	}
	var scores []float64
	require.NoError(t, r.ScoreReward(t.Context(), job.BaseModel, job.OutputDir, held, func(s Rewarded) error {
		require.Equal(t, s.Score-out.Report.Center, s.Reward)
		scores = append(scores, s.Score)
		return nil
	}))
	again := heldOutPairs(scores)
	require.InDelta(t, out.Report.HeldOut.MeanMargin, again.MeanMargin, 1e-5)

	err = r.ScoreReward(t.Context(), job.BaseModel, job.OutputDir, []Answered{{"Why?", strings.Repeat("long ", 200)}}, nil)
	var bad *TextError
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "expected at most the 512 of the reward model")
}

// A folder may hold embeddings, which take the place of the base's: of a base that nobody else has.
func TestRewardModelWithEmbeddingsLeavesTheSharedBaseAsItWas(t *testing.T) {
	r := newRunner(t)
	job := smallReward(t, tinyModel(t, r))
	_, err := r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	own := filepath.Join(t.TempDir(), "own")
	over(t, r, sharpModel(t, r), func(b *base) error { // one vocabulary, other embeddings
		adapter, err := lora.LoadScorer(b.model, 0, job.OutputDir)
		require.NoError(t, err)
		defer adapter.Detach()
		adapter.KeepEmbeddings()
		files, err := adapter.Encode("tiny")
		require.NoError(t, err)
		files[rewardFile] = []byte(folderBytes(t, job.OutputDir)[rewardFile])
		return writeFolder(own, files, nil)
	})
	before := weightsInMemory(t, r, job.BaseModel)
	require.NoError(t, r.ScoreReward(t.Context(), job.BaseModel, own, []Answered{{"a", "b"}}, func(Rewarded) error { return nil }))
	require.Equal(t, before, weightsInMemory(t, r, job.BaseModel), "scored")
	r.InitAdapter, job.OutputDir = own, filepath.Join(t.TempDir(), "again")
	_, err = r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.Equal(t, before, weightsInMemory(t, r, job.BaseModel), "trained")
}

func TestRewardModelMadeOverSomethingElseIsRefused(t *testing.T) {
	r := newRunner(t)
	job := smallReward(t, tinyModel(t, r))
	_, err := r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	score := func(base string) error {
		return r.ScoreReward(t.Context(), base, job.OutputDir, []Answered{{"a", "b"}}, func(Rewarded) error { return nil })
	}
	require.NoError(t, score(job.BaseModel))
	other := filepath.Join(t.TempDir(), "tiny")
	require.NoError(t, os.CopyFS(other, os.DirFS(job.BaseModel)))
	require.NoError(t, score(other), "another folder with the same base")
	config, err := os.ReadFile(filepath.Join(other, "config.json"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(other, "config.json"), bytes.Replace(config, []byte("10000"), []byte("20000"), 1), 0o600))
	require.ErrorContains(t, score(other), "reward.json: reward model of another base: made over")

	file := filepath.Join(job.OutputDir, rewardFile)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var report spec.RewardReport
	require.NoError(t, json.Unmarshal(text, &report))
	for word, digest := range map[string]spec.Digest{"tokenizer": report.Tokenizer, "template": report.Template} {
		require.NoError(t, os.WriteFile(file, bytes.Replace(text, []byte(digest), []byte(strings.Repeat("0", 64)), 1), 0o600))
		require.ErrorContains(t, score(job.BaseModel), "reward model of another "+word)
	}
	require.NoError(t, os.WriteFile(file, []byte("{}x"), 0o600))
	require.Error(t, score(job.BaseModel))

	// Nor does either kind of adapter pass for the other.
	require.ErrorContains(t, r.Score(t.Context(), job.BaseModel, job.OutputDir, []string{"a"}, nil), "task_type is SEQ_CLS, expected CAUSAL_LM")
	causal := smallJob(t, job.BaseModel)
	trained(t, r, causal)
	require.NoError(t, os.WriteFile(filepath.Join(causal.OutputDir, rewardFile), text, 0o600))
	err = r.ScoreReward(t.Context(), job.BaseModel, causal.OutputDir, []Answered{{"a", "b"}}, nil)
	require.ErrorContains(t, err, "task_type is CAUSAL_LM, expected SEQ_CLS")
}
