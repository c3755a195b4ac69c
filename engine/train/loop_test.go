package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// fake does arithmetic that a person can follow: the loss of a step is 1/step.
type fake struct {
	batches   map[int64][][]int // of the attempt that went well
	attempts  int
	room      int // rows of a micro-batch that fit; 0: all
	diverge   int64
	evaluated []int64
	last      int64
}

func (f *fake) Step(_ context.Context, step int64, batches [][]int, _ float64) (StepResult, error) {
	f.attempts++
	for _, b := range batches {
		if f.room > 0 && len(b) > f.room {
			return StepResult{}, fault.New(fault.OutOfMemory, "%d rows", len(b))
		}
	}
	if f.batches == nil {
		f.batches = map[int64][][]int{}
	}
	f.batches[step], f.last = batches, step
	result := StepResult{Loss: 1 / float64(step), GradNorm: float64(step), Tokens: 10}
	if step == f.diverge {
		result.Loss = math.NaN()
	}
	return result, nil
}

func (f *fake) Evaluate(context.Context) (float64, error) {
	f.evaluated = append(f.evaluated, f.last)
	return 100 + float64(f.last), nil
}

func (f *fake) Snapshot() (map[string][]byte, error) {
	return map[string][]byte{"weights": []byte(fmt.Sprint(f.last))}, nil
}

// keeper is an observer that keeps snapshots.
type keeper struct {
	saved    []spec.Snapshot
	progress []spec.Progress
	yieldAt  int64
}

func (k *keeper) Progress(p spec.Progress) { k.progress = append(k.progress, p) }
func (k *keeper) Yield(step int64) bool    { return step == k.yieldAt }

func (k *keeper) Save(_ context.Context, s spec.Snapshot) error {
	k.saved = append(k.saved, s)
	return nil
}

func (k *keeper) steps() []int64 {
	steps := []int64{}
	for _, s := range k.saved {
		steps = append(steps, s.Step)
	}
	return steps
}

// arguments make ten steps of two micro-batches of three rows.
func arguments() spec.TrainingArgs {
	return spec.TrainingArgs{
		PerDeviceTrainBatchSize: 3, GradientAccumulationSteps: 2, MaxSteps: 10, LearningRate: 1, LRSchedulerType: "linear",
		LoggingSteps: 4, EvalStrategy: "steps", EvalSteps: 5, SaveStrategy: "steps", SaveSteps: 3, TrainSamplingStrategy: "sequential",
	}
}

func newLoop(t *testing.T, args spec.TrainingArgs, state []byte, stepper Stepper, observer spec.TrainObserver) *Loop {
	t.Helper()
	plan, err := NewPlan(args, 12)
	require.NoError(t, err)
	schedule, err := NewSchedule(args, plan.TotalSteps)
	require.NoError(t, err)
	s := NewState(args, plan)
	if state != nil {
		s, err = DecodeState(state, plan)
		require.NoError(t, err)
	}
	return &Loop{Args: args, Plan: plan, Schedule: schedule, Stepper: stepper, Observer: observer, State: s, Evaluate: true}
}

func TestLogHoldsWindowMeans(t *testing.T) {
	k := &keeper{}
	l := newLoop(t, arguments(), nil, &fake{}, k)
	outcome, err := l.Run(t.Context())
	require.NoError(t, err)
	require.True(t, outcome.Done)
	require.Equal(t, []int64{3, 6, 9, 10}, k.steps(), "every third step, and the last")
	number := func(v float64) *float64 { return &v }
	// (1 + 1/2 + 1/3 + 1/4) / 4 and (1/5 + 1/6 + 1/7 + 1/8) / 4; the rate falls by a tenth a step; an epoch has two steps.
	want := []LogEntry{
		{Epoch: 2, Step: 4, Loss: number(0.52083333), GradNorm: number(4), LearningRate: number(0.7)},
		{Epoch: 2.5, Step: 5, EvalLoss: number(105)},
		{Epoch: 4, Step: 8, Loss: number(0.15863095), GradNorm: number(8), LearningRate: number(0.3)},
		{Epoch: 5, Step: 10, EvalLoss: number(110)},
		{Epoch: 5, Step: 10, TrainLoss: number(0.29289683)},
	}
	require.Len(t, l.State.LogHistory, len(want))
	for i, entry := range want {
		got := l.State.LogHistory[i]
		require.Equal(t, []any{entry.Epoch, entry.Step}, []any{got.Epoch, got.Step})
		for _, pair := range [][2]*float64{{entry.Loss, got.Loss}, {entry.GradNorm, got.GradNorm}, {entry.LearningRate, got.LearningRate}, {entry.EvalLoss, got.EvalLoss}, {entry.TrainLoss, got.TrainLoss}} {
			require.Equal(t, pair[0] == nil, pair[1] == nil, "entry %d", i)
			if pair[0] != nil {
				require.InDelta(t, *pair[0], *pair[1], 1e-8, "entry %d", i)
			}
		}
	}
	require.Equal(t, int64(100), l.State.TokensSeen)
	require.InDelta(t, 0.29289683, outcome.Loss, 1e-8)
	require.Equal(t, 110.0, outcome.EvalLoss)
	require.Len(t, k.progress, 10)
}

func TestYieldSavesAndStopsAndTheRestEqualsTheUndisturbedRun(t *testing.T) {
	whole := newLoop(t, arguments(), nil, &fake{}, &keeper{})
	_, err := whole.Run(t.Context())
	require.NoError(t, err)
	want, err := whole.State.Encode()
	require.NoError(t, err)
	for at := int64(1); at < 10; at++ {
		first := &keeper{yieldAt: at}
		outcome, err := newLoop(t, arguments(), nil, &fake{}, first).Run(t.Context())
		require.NoError(t, err)
		require.False(t, outcome.Done)
		require.Equal(t, at, outcome.Step)
		last := first.saved[len(first.saved)-1]
		require.Equal(t, at, last.Step)
		require.Equal(t, fmt.Sprint(at), string(last.Files["weights"]))
		l := newLoop(t, arguments(), last.Files[StateFile], &fake{}, &keeper{})
		outcome, err = l.Run(t.Context())
		require.NoError(t, err)
		require.True(t, outcome.Done)
		got, err := l.State.Encode()
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "yielded after step %d", at)
	}
}

func TestDivergedRunSavesNothingOfThatStep(t *testing.T) {
	k := &keeper{}
	_, err := newLoop(t, arguments(), nil, &fake{diverge: 6}, k).Run(t.Context())
	require.Equal(t, fault.Diverged, fault.KindOf(err))
	require.ErrorContains(t, err, "step 6: loss NaN, gradient norm 6")
	require.Equal(t, []int64{3}, k.steps())
}

func TestOutOfMemoryHalvesMicroBatchesAndKeepsTheSize(t *testing.T) {
	args := arguments()
	args.PerDeviceTrainBatchSize, args.GradientAccumulationSteps = 5, 2
	f := &fake{room: 2}
	k := &keeper{}
	l := newLoop(t, args, nil, f, k)
	_, err := l.Run(t.Context())
	require.NoError(t, err)
	// 5 rows do not fit, nor do 3; 2 do. The rows and their order are those of the plan.
	require.Equal(t, [][]int{{0, 1}, {2, 3}, {4}, {5, 6}, {7, 8}, {9}}, f.batches[1])
	require.Equal(t, [][]int{{10, 11}}, f.batches[2])
	require.Equal(t, 2+10, f.attempts, "the size is learnt once")
	require.Equal(t, 2, l.State.Own.MicroBatch)
	resumed := &fake{room: 2}
	_, err = newLoop(t, args, k.saved[0].Files[StateFile], resumed, &keeper{}).Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 7, resumed.attempts, "a resumed run knows the size")
}

func TestOutOfMemoryOfOneRowEndsTheRun(t *testing.T) {
	args := arguments()
	args.PerDeviceTrainBatchSize = 1
	k := &keeper{}
	plan, err := NewPlan(args, 12)
	require.NoError(t, err)
	l := newLoop(t, args, nil, alwaysFull{}, k)
	l.Plan = plan
	_, err = l.Run(t.Context())
	require.Equal(t, fault.OutOfMemory, fault.KindOf(err))
	require.Empty(t, k.saved)
}

// alwaysFull has no room for any row.
type alwaysFull struct{}

func (alwaysFull) Step(context.Context, int64, [][]int, float64) (StepResult, error) {
	return StepResult{}, fault.New(fault.OutOfMemory, "no room")
}
func (alwaysFull) Evaluate(context.Context) (float64, error) { return 0, nil }
func (alwaysFull) Snapshot() (map[string][]byte, error)      { return nil, nil }

func TestStateOfAnotherRunLengthIsRefused(t *testing.T) {
	k := &keeper{yieldAt: 4}
	_, err := newLoop(t, arguments(), nil, &fake{}, k).Run(t.Context())
	require.NoError(t, err)
	args := arguments()
	args.MaxSteps = 11
	plan, err := NewPlan(args, 12)
	require.NoError(t, err)
	_, err = DecodeState(k.saved[1].Files[StateFile], plan)
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	require.ErrorContains(t, err, "is at step 4 of 10, this run has 11 steps")
	_, err = DecodeState([]byte("half a fi"), plan)
	require.Equal(t, fault.Corrupt, fault.KindOf(err))
}

func TestSavingAndEvaluatingByEpoch(t *testing.T) {
	args := arguments()
	args.SaveStrategy, args.EvalStrategy = "epoch", "epoch"
	f, k := &fake{}, &keeper{}
	_, err := newLoop(t, args, nil, f, k).Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{2, 4, 6, 8, 10}, k.steps())
	require.Equal(t, []int64{2, 4, 6, 8, 10}, f.evaluated)
	args.SaveStrategy, args.EvalStrategy = "no", "no"
	f, k = &fake{}, &keeper{}
	_, err = newLoop(t, args, nil, f, k).Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{10}, k.steps(), "the end is saved always")
	require.Empty(t, f.evaluated)
}

func TestCancelGivesItsCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the worker stops")
	cancel(cause)
	k := &keeper{}
	_, err := newLoop(t, arguments(), nil, &fake{}, k).Run(ctx)
	require.ErrorIs(t, err, cause)
	require.Empty(t, k.saved)
}
