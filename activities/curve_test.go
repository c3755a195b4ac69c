package activities

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/telemetry/runlog"
	"elara/telemetry/series"
	"elara/tests/toy"
)

// curvesIn keeps curves below a folder.
func curvesIn(folder string) Curves {
	return func(run spec.RunID, adapter spec.AdapterName, config any, state []byte) (*runlog.Log, error) {
		return runlog.Open(runlog.Options{
			Dir: folder, Run: string(run), Adapter: string(adapter), Config: config, State: state,
			Now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }, PeakMemory: func() int64 { return 0 },
		})
	}
}

// logging is the toy trainer with the log of the real one: every second step ends a window, and trainer_state.json of a
// snapshot lists the windows so far.
func logging() Trainer {
	return trainerFunc(func(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, o spec.TrainObserver) (spec.TrainOutcome, error) {
		return toy.Trainer{}.TrainLoRA(ctx, job, resume, logObserver{o})
	})
}

type logObserver struct{ spec.TrainObserver }

func (o logObserver) Save(ctx context.Context, s spec.Snapshot) error {
	var state map[string]any
	if err := json.Unmarshal(s.Files[stateFile], &state); err != nil {
		return err
	}
	var history []map[string]any
	for step := int64(2); step <= s.Step; step += 2 {
		history = append(history, map[string]any{"step": step, "loss": 1 / float64(step)})
	}
	state["global_step"], state["log_history"] = s.Step, history
	content, err := json.Marshal(state)
	s.Files[stateFile] = content
	return errors.Join(err, o.TrainObserver.Save(ctx, s))
}

func (o logObserver) Progress(p spec.Progress) {
	if p.Step%2 == 0 {
		p.LoggedStep, p.LoggedLoss = p.Step, 1/float64(p.Step)
	}
	o.TrainObserver.Progress(p)
}

func TestCurveOfATrainingGoesOnOverItsSegments(t *testing.T) {
	folder := t.TempDir()
	r := newRoomWith(t, newRoom(t).store, logging())
	r.device.Curves = curvesIn(folder)
	in := segmentInput(t, r, "run-1", 10)
	do(t, r, r.device.TrainSegment, in)
	curve, err := runlog.Read(filepath.Join(folder, "run-1", "patient"))
	require.NoError(t, err)
	require.False(t, curve.Run.Done())
	require.Equal(t, []int64{2, 4, 6, 8, 10}, stepsOf(curve))

	in.UntilStep = 20
	do(t, r, r.device.TrainSegment, in)
	curve, err = runlog.Read(filepath.Join(folder, "run-1", "patient"))
	require.NoError(t, err)
	require.True(t, curve.Run.Done())
	require.Equal(t, []int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}, stepsOf(curve))
	require.Empty(t, curve.Run.Restarts())
	require.Equal(t, int64(10), curve.Run.Attempts[1].ResumedFrom)
	require.Equal(t, int64(20), curve.Run.Attempts[1].LastStep)
	loss, found := curve.Points[len(curve.Points)-1].Get(series.TrainLoss)
	require.True(t, found)
	require.InDelta(t, 0.05, loss, 0)
	require.FileExists(t, filepath.Join(folder, "run-1", runlog.ReportFile))

	settings := map[string]string{}
	for _, setting := range curve.Run.Config {
		settings[setting.Key] = string(setting.Value)
	}
	require.Equal(t, `"`+string(in.Base.Digest)+`"`, settings["base_model"])
	require.Equal(t, `"`+string(in.Dataset.Digest)+`"`, settings["train_data"])
	require.Contains(t, settings["training_args"], `"max_steps": 20`)
	require.Contains(t, settings["lora_config"], `"r": 8`)
}

func TestCurveOfAPolicyHasItsRewardAndItsKL(t *testing.T) {
	folder := t.TempDir()
	r := newRoom(t)
	r.device.Curves = curvesIn(folder)
	do(t, r, r.device.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: feedbackInput(t, r, spec.StagePPO), UntilStep: 100})
	curve, err := runlog.Read(filepath.Join(folder, "run-1", "patient-ppo"))
	require.NoError(t, err)
	require.Len(t, curve.Points, 20)
	last := curve.Points[19]
	reward, _ := last.Get(series.Metric("objective/scores"))
	kl, _ := last.Get(series.Metric("objective/kl"))
	require.Equal(t, []float64{20, 10}, []float64{reward, kl})
	page, err := os.ReadFile(filepath.Join(folder, "run-1", runlog.ReportFile))
	require.NoError(t, err)
	require.Contains(t, string(page), "patient-ppo, step 20: reward 20 at a KL of 10")
	require.NotContains(t, string(page), "gout", "curves have no text of a patient")
}

func stepsOf(curve series.Curve) []int64 {
	var steps []int64
	for _, point := range curve.Points {
		steps = append(steps, point.Step)
	}
	return steps
}

func TestCurveOfATrainingThatFailsEndsWithoutBeingDone(t *testing.T) {
	folder := t.TempDir()
	r := newRoomWith(t, newRoom(t).store, trainerFunc(func(_ context.Context, _ spec.LoRAJob, _ *spec.Snapshot, o spec.TrainObserver) (spec.TrainOutcome, error) {
		logObserver{o}.Progress(spec.Progress{Step: 2, Loss: 1})
		return spec.TrainOutcome{Done: true}, errors.New("the device is gone")
	}))
	r.device.Curves = curvesIn(folder)
	_, err := try(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 10))
	require.ErrorContains(t, err, "the device is gone")
	curve, err := runlog.Read(filepath.Join(folder, "run-1", "patient"))
	require.NoError(t, err)
	require.False(t, curve.Run.Done())
	require.False(t, curve.Run.Attempts[0].Ended.IsZero())
}

func TestTrainingIsWorthMoreThanItsCurve(t *testing.T) {
	weights, _ := undisturbed(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600)) // a folder below a file cannot be made
	r := newRoom(t)
	opened := 0
	r.device.Curves = func(run spec.RunID, adapter spec.AdapterName, config any, state []byte) (*runlog.Log, error) {
		opened++
		return curvesIn(file)(run, adapter, config, state)
	}
	result := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 100))
	require.Equal(t, 1, opened)
	require.True(t, result.Outcome.Done)
	require.Equal(t, weights, r.read(t, result.Adapter, toy.WeightsFile))
}
