package activities

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/checkpoint"
	"elara/storage/mem"
	"elara/tests/toy"
)

// trainerFunc is a Trainer that a test writes itself.
type trainerFunc func(context.Context, spec.LoRAJob, *spec.Snapshot, spec.TrainObserver) (spec.TrainOutcome, error)

func (f trainerFunc) TrainLoRA(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	return f(ctx, job, resume, observer)
}

// segmentInput is a training of 20 steps that saves every 5.
func segmentInput(t *testing.T, r *room, run spec.RunID, until int64) spec.SegmentInput {
	t.Helper()
	base, err := artifact.PublishBytes(t.Context(), r.store, spec.KindBaseModel, map[string][]byte{"tiny.gguf": []byte("weights")}, nil, nil)
	require.NoError(t, err)
	dataset, err := artifact.PublishBytes(t.Context(), r.store, spec.KindDataset, map[string][]byte{
		trainFile: []byte("{\"text\": \"a\"}\n{\"text\": \"b\"}\n"), evalFile: []byte("{\"text\": \"c\"}\n"), rowsFile: []byte("{}\n"),
	}, nil, map[string]string{templateMeta: "the hash of the template"})
	require.NoError(t, err)
	return spec.SegmentInput{
		AdapterInput: spec.AdapterInput{
			Run: run, Base: base, Dataset: dataset,
			Plan: spec.AdapterPlan{
				Name: "patient", Audience: spec.Patient, SegmentSteps: 10, LoRA: spec.LoRAConfig{R: 8},
				Args: spec.TrainingArgs{MaxSteps: 20, SaveSteps: 5, Seed: 3},
			},
		},
		UntilStep: until,
	}
}

// undisturbed gives the adapter of the training without segments or interruptions.
func undisturbed(t *testing.T) (weights string, ref spec.ArtifactRef) {
	t.Helper()
	r := newRoom(t)
	result := do(t, r, r.device.TrainSegment, segmentInput(t, r, "undisturbed", 100))
	require.True(t, result.Outcome.Done)
	return r.read(t, result.Adapter, toy.WeightsFile), result.Adapter
}

func TestSegmentsGiveTheAdapterOfAnUnbrokenTraining(t *testing.T) {
	weights, ref := undisturbed(t)
	r := newRoom(t)

	first := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 7))
	require.Equal(t, int64(7), first.Outcome.Step)
	require.False(t, first.Outcome.Done)
	require.Zero(t, first.Adapter)
	require.Equal(t, float64(1000), first.TokensPerSecond)

	second := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 14))
	require.Equal(t, int64(7), second.ResumedFrom)
	require.Equal(t, first.Token+1, second.Token)

	last := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 21))
	require.True(t, last.Outcome.Done)
	require.Equal(t, int64(20), last.Outcome.Step)
	require.Equal(t, weights, r.read(t, last.Adapter, toy.WeightsFile))
	require.Equal(t, ref, last.Adapter)
	_, checkpointed, _, _, err := checkpoint.Newest(t.Context(), r.store, "run-1", "patient")
	require.NoError(t, err)
	require.Equal(t, spec.Digest("the hash of the template"), checkpointed.Facts.Template)
	require.Equal(t, []string{"adapter_model.safetensors", "trainer_state.json"}, r.names(t, last.Adapter))

	manifest, err := artifact.Load(t.Context(), r.store, last.Adapter)
	require.NoError(t, err)
	in := segmentInput(t, r, "run-1", 0)
	config, err := publishConfig(t.Context(), r.store, in.Plan)
	require.NoError(t, err)
	require.ElementsMatch(t, []spec.Digest{in.Base.Digest, in.Dataset.Digest, config.Digest}, manifest.Inputs)
	require.Equal(t, map[string]string{"code": "0f1e2d", "machine": "linux/amd64, cpu"}, manifest.Meta)
	require.Contains(t, r.read(t, config, "adapter.json"), `"max_steps": `)
	require.NotContains(t, r.read(t, config, "adapter.json"), "patient\",\n  \"audience")

	t.Run("and the last one may run again", func(t *testing.T) {
		again := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 21))
		require.Equal(t, last.Adapter, again.Adapter)
		require.Equal(t, int64(20), again.ResumedFrom)
		require.True(t, again.Outcome.Done)
	})
	t.Run("and a run to come finds it", func(t *testing.T) {
		in := segmentInput(t, r, "run-2", 0).AdapterInput
		found := do(t, r, r.control.FindAdapter, in)
		require.Equal(t, last.Adapter, found.Ref)
		require.Equal(t, last.Outcome, found.Outcome)
		require.NotEmpty(t, found.Unchanged)

		in.Plan.SegmentSteps, in.Plan.Name, in.Plan.Args.OutputDir = 3, "renamed", "elsewhere" // not what the adapter is made of
		found = do(t, r, r.control.FindAdapter, in)
		require.NotEmpty(t, found.Unchanged)
		require.Equal(t, spec.AdapterName("renamed"), found.Adapter)

		in.Plan.Args.LearningRate = 1e-3
		require.Empty(t, do(t, r, r.control.FindAdapter, in).Unchanged)
	})
}

func TestSegmentThatCouldNotSayThatItEndedIsFollowedByTheNext(t *testing.T) {
	r := newRoom(t)
	do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 7))
	again := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 7))
	require.Equal(t, int64(7), again.ResumedFrom)
	require.Equal(t, int64(17), again.Outcome.Step)
}

func TestSaveTotalLimitKeepsTheNewestCheckpoints(t *testing.T) {
	for limit, want := range map[int][]int64{0: {5, 10, 15, 20}, 2: {15, 20}} {
		anHourAgo := func() time.Time { return time.Now().Add(-time.Hour) }
		r := newRoomWith(t, mem.NewAt(anHourAgo), toy.Trainer{})
		for _, until := range []int64{10, 20} {
			in := segmentInput(t, r, "limited", until)
			in.Plan.Args.SaveTotalLimit = limit
			do(t, r, r.device.TrainSegment, in)
		}
		entries, err := checkpoint.List(t.Context(), r.store, "limited", "patient")
		require.NoError(t, err)
		var steps []int64
		for _, entry := range entries {
			steps = append(steps, entry.Step)
		}
		require.Equal(t, want, steps, "save_total_limit %d", limit)
	}
}

func TestDamagedCheckpointIsPassedOverAndTold(t *testing.T) {
	weights, _ := undisturbed(t)
	r := newRoom(t)
	do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 7)) // checkpoints of steps 5 and 7
	_, manifest, found, _, err := checkpoint.Newest(t.Context(), r.store, "run-1", "patient")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, int64(7), manifest.Step)
	require.NoError(t, r.store.Delete(t.Context(), cas.Key(manifest.Files[0].Digest)))

	result := do(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 100))
	require.Equal(t, int64(5), result.ResumedFrom)
	require.Len(t, result.Skipped, 1)
	require.Contains(t, result.Skipped[0], "step 7")
	require.Equal(t, weights, r.read(t, result.Adapter, toy.WeightsFile))
}

func TestStoppingWorkerSavesAndHandsOn(t *testing.T) {
	weights, _ := undisturbed(t)
	stop := make(chan struct{})
	store := mem.New()
	stopping := newRoomWith(t, store, nil)
	stopping.device.Trainer = stopAt(t, 3, func() { close(stop) })
	stopping.SetWorkerStopChannel(stop)

	result := do(t, stopping, stopping.device.TrainSegment, segmentInput(t, stopping, "run-1", 100))
	require.Equal(t, int64(3), result.Outcome.Step)
	require.False(t, result.Outcome.Done)

	next := newRoomWith(t, store, toy.Trainer{})
	last := do(t, next, next.device.TrainSegment, segmentInput(t, next, "run-1", 100))
	require.Equal(t, int64(3), last.ResumedFrom)
	require.Equal(t, weights, next.read(t, last.Adapter, toy.WeightsFile))
}

// stopAt is the toy trainer that, at a step, lets stop be noticed before it goes on.
func stopAt(t *testing.T, at int64, stop func()) Trainer {
	return trainerFunc(func(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, o spec.TrainObserver) (spec.TrainOutcome, error) {
		return toy.Trainer{Step: func(_ spec.LoRAJob, step int64) {
			if step == at {
				stop()
				<-o.(*observer).live.Done()
			}
			require.LessOrEqual(t, step, at)
		}}.TrainLoRA(ctx, job, resume, o)
	})
}

func TestReasonToStopSavesFirstAndIsToldApart(t *testing.T) {
	for name, test := range map[string]struct {
		cause    error
		kind     fault.Kind
		canceled bool
	}{
		"cancelled by the workflow": {cause: temporal.NewCanceledError(), canceled: true},
		"paused by an operator":     {cause: activity.ErrActivityPaused, kind: fault.Preempted},
		"reset by an operator":      {cause: activity.ErrActivityReset, kind: fault.Preempted},
		"out of time":               {cause: context.DeadlineExceeded, kind: fault.Preempted},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoomWith(t, mem.New(), nil)
			ctx, cancel := context.WithCancelCause(context.Background())
			r.device.Trainer = stopAt(t, 3, func() { cancel(test.cause) })
			in := segmentInput(t, r, "run-1", 100)
			r.RegisterActivityWithOptions(func(activityCtx context.Context) error {
				live, stop := untilStopped(joined(activityCtx, ctx))
				defer stop()
				_, err := r.device.trainSegment(joined(activityCtx, ctx), in)
				<-live.Done()
				return failure(joined(activityCtx, ctx), err)
			}, activity.RegisterOptions{Name: "stopped"})

			_, err := r.ExecuteActivity("stopped")
			if test.canceled {
				require.True(t, temporal.IsCanceledError(err), "%v", err)
			} else {
				kind, final := kindOf(t, err)
				require.Equal(t, test.kind, kind)
				require.False(t, final)
			}
			_, manifest, found, _, err := checkpoint.Newest(t.Context(), r.store, "run-1", "patient")
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, int64(3), manifest.Step)
		})
	}
}

// joined has the values of one context and the end of the other.
func joined(values, end context.Context) context.Context { return joinedContext{end, values} }

type joinedContext struct {
	context.Context
	values context.Context
}

func (c joinedContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v // context.Cause looks its context up by a key of its own
	}
	return c.values.Value(key)
}

func TestServerThatCannotBeReachedStopsNothing(t *testing.T) {
	r := newRoom(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	r.device.Trainer = toy.Trainer{Step: func(_ spec.LoRAJob, step int64) {
		if step == 3 {
			cancel(errors.New("connection refused"))
		}
	}}
	in := segmentInput(t, r, "run-1", 100)
	r.RegisterActivityWithOptions(func(activityCtx context.Context) (spec.SegmentResult, error) {
		return r.device.trainSegment(joined(activityCtx, ctx), in)
	}, activity.RegisterOptions{Name: "unreachable"})
	value, err := r.ExecuteActivity("unreachable")
	require.NoError(t, err)
	var result spec.SegmentResult
	require.NoError(t, value.Get(&result))
	require.True(t, result.Outcome.Done)
}

func TestTakenLeaseEndsTheTraining(t *testing.T) {
	r := newRoom(t)
	in := segmentInput(t, r, "run-1", 100)
	key, err := trainKey(in.AdapterInput)
	require.NoError(t, err)
	r.device.Trainer = toy.Trainer{Step: func(_ spec.LoRAJob, step int64) {
		if step == 7 { // between the checkpoints of steps 5 and 10
			_, err := checkpoint.Acquire(context.Background(), r.store, "run-1", "patient", "another worker", key)
			require.NoError(t, err)
		}
	}}
	_, err = try(t, r, r.device.TrainSegment, in)
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Conflict, kind)
	require.False(t, final)
	_, manifest, _, _, err := checkpoint.Newest(t.Context(), r.store, "run-1", "patient")
	require.NoError(t, err)
	require.LessOrEqual(t, manifest.Step, int64(5))
}

func TestOutcomeThatClaimsWhatIsNotSoIsRefused(t *testing.T) {
	outcome := func(outcome spec.TrainOutcome) Trainer {
		return trainerFunc(func(context.Context, spec.LoRAJob, *spec.Snapshot, spec.TrainObserver) (spec.TrainOutcome, error) {
			return outcome, nil
		})
	}
	for name, test := range map[string]struct {
		trainer Trainer
		kind    fault.Kind
		final   bool
		says    string
	}{
		"done before the last step": {outcome(spec.TrainOutcome{Step: 3, TotalSteps: 20, Done: true}), unknownFailure, false, "ended at step 3 of 20"},
		"yielded without being asked": {trainerFunc(func(ctx context.Context, _ spec.LoRAJob, _ *spec.Snapshot, o spec.TrainObserver) (spec.TrainOutcome, error) {
			err := o.Save(ctx, spec.Snapshot{Step: 3, Files: map[string][]byte{"x": {1}}})
			return spec.TrainOutcome{Step: 3, TotalSteps: 20}, err
		}), unknownFailure, false, "yielded at step 3, it was to go on to step 10"},
		"yielded without saving": {outcome(spec.TrainOutcome{Step: 10, TotalSteps: 20}), unknownFailure, false, "newest checkpoint is of step 0"},
		"loss that is no number": {outcome(spec.TrainOutcome{Step: 20, TotalSteps: 20, Done: true, Loss: math.NaN()}), fault.Diverged, true, "loss NaN"},
		"a kind of its own": {trainerFunc(func(context.Context, spec.LoRAJob, *spec.Snapshot, spec.TrainObserver) (spec.TrainOutcome, error) {
			return spec.TrainOutcome{}, fault.New(fault.OutOfMemory, "no room for 8 GiB")
		}), fault.OutOfMemory, false, "train patient: no room"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoomWith(t, mem.New(), test.trainer)
			_, err := try(t, r, r.device.TrainSegment, segmentInput(t, r, "run-1", 10))
			kind, final := kindOf(t, err)
			require.Equal(t, test.kind, kind)
			require.Equal(t, test.final, final)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestEngineSeesTheJobThatWasAskedFor(t *testing.T) {
	var seen spec.LoRAJob
	r := newRoomWith(t, mem.New(), trainerFunc(func(_ context.Context, job spec.LoRAJob, resume *spec.Snapshot, _ spec.TrainObserver) (spec.TrainOutcome, error) {
		seen = job
		require.Nil(t, resume)
		for _, path := range []string{job.BaseModel, job.TrainDataPath, job.EvalDataPath} {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.True(t, info.Mode().IsRegular())
		}
		return spec.TrainOutcome{}, errors.New("enough seen")
	}))
	in := segmentInput(t, r, "run-1", 10)
	in.Plan.MaxLength, in.Plan.AppendEOS, in.Plan.AddPadToken = 512, true, true
	_, err := try(t, r, r.device.TrainSegment, in)
	require.ErrorContains(t, err, "enough seen")

	require.Equal(t, "tiny.gguf", filepath.Base(seen.BaseModel))
	require.Equal(t, "train.jsonl", filepath.Base(seen.TrainDataPath))
	require.Equal(t, "eval.jsonl", filepath.Base(seen.EvalDataPath))
	require.NotEqual(t, seen.OutputDir, seen.Args.OutputDir)
	require.Equal(t, "causal_lm", seen.ModelType)
	require.Equal(t, []any{512, true, true, 8, int64(20)}, []any{seen.MaxLength, seen.AppendEOS, seen.AddPadToken, seen.LoRA.R, seen.Args.MaxSteps})
}
