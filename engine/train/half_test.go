package train

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// half is a fake that computes in half precision: it overflows at some steps and tells the factors and rates it was given.
type half struct {
	fake
	overflows map[int64]bool
	always    bool
	scales    []float64
	rates     []float64
}

func (h *half) ScaleLoss(factor float64) { h.scales = append(h.scales, factor) }

func (h *half) Step(ctx context.Context, step int64, batches [][]int, rate float64) (StepResult, error) {
	h.rates = append(h.rates, rate)
	result, err := h.fake.Step(ctx, step, batches, rate)
	if h.always || h.overflows[step] {
		result.Overflow, result.GradNorm = true, math.Inf(1)
		if step%2 == 0 {
			result.Loss = math.NaN()
		}
	}
	return result, err
}

func halfLoop(t *testing.T, stepper Stepper, observer spec.TrainObserver, state []byte) *Loop {
	t.Helper()
	args := arguments()
	args.FP16 = true
	l := newLoop(t, args, state, stepper, observer)
	l.HalfPrecision = true
	return l
}

func TestOverflowHalvesTheFactorAndDoesNotMoveTheSchedule(t *testing.T) {
	h, k := &half{overflows: map[int64]bool{2: true, 3: true, 6: true}}, &keeper{}
	l := halfLoop(t, h, k, nil)
	_, err := l.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []float64{65536, 65536, 32768, 16384, 16384, 16384, 8192, 8192, 8192, 8192}, h.scales)
	require.InDeltaSlice(t, []float64{1, 0.9, 0.9, 0.9, 0.8, 0.7, 0.7, 0.6, 0.5, 0.4}, h.rates, 1e-12)
	require.EqualValues(t, 10, l.State.GlobalStep)
	require.EqualValues(t, 7, l.State.OptimiserSteps())
	// The loss of step 2 is not finite: 1 / (1 + 1) stands in for it. That of step 6 too, after one step of its window: 0.2 / 2.
	require.InDelta(t, (1+0.5+1./3+1./4)/4, *l.State.LogHistory[0].Loss, 1e-12)
	require.InDelta(t, (1./5+0.1+1./7+1./8)/4, *l.State.LogHistory[2].Loss, 1e-12)
	for _, p := range k.progress {
		require.True(t, finite(p.Loss, p.GradNorm), "what is shown at step %d can be written as JSON", p.Step)
	}
	require.Zero(t, k.progress[1].GradNorm)
}

func TestEntryOfAStepThatOverflowedHasNoGradientNorm(t *testing.T) {
	l := halfLoop(t, &half{overflows: map[int64]bool{4: true}}, &keeper{}, nil)
	_, err := l.Run(t.Context())
	require.NoError(t, err)
	require.Nil(t, l.State.LogHistory[0].GradNorm)
	require.NotNil(t, l.State.LogHistory[2].GradNorm)
}

func TestFactorSurvivesAResume(t *testing.T) {
	overflows := map[int64]bool{2: true, 5: true, 9: true}
	whole := halfLoop(t, &half{overflows: overflows}, &keeper{}, nil)
	_, err := whole.Run(t.Context())
	require.NoError(t, err)
	want, err := whole.State.Encode()
	require.NoError(t, err)
	for at := int64(1); at < 10; at++ {
		first := &keeper{yieldAt: at}
		_, err := halfLoop(t, &half{overflows: overflows}, first, nil).Run(t.Context())
		require.NoError(t, err)
		l := halfLoop(t, &half{overflows: overflows}, &keeper{}, first.saved[len(first.saved)-1].Files[StateFile])
		_, err = l.Run(t.Context())
		require.NoError(t, err)
		got, err := l.State.Encode()
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "after step %d", at)
	}
}

func TestRunThatOverflowsAtEveryFactorHasDiverged(t *testing.T) {
	args := arguments()
	args.MaxSteps, args.SaveStrategy = 100, "no"
	l := newLoop(t, args, nil, &half{always: true}, &keeper{})
	l.HalfPrecision = true
	_, err := l.Run(t.Context())
	require.Equal(t, fault.Diverged, fault.KindOf(err))
	// 2^16 halves 40 times to 2^-24; the 41st overflow is one too many.
	require.EqualValues(t, 40, l.State.GlobalStep)
}

func TestLossThatIsNotFiniteWithoutAnOverflowEndsHalfPrecisionToo(t *testing.T) {
	h := &half{}
	h.diverge = 3
	_, err := halfLoop(t, h, &keeper{}, nil).Run(t.Context())
	require.Equal(t, fault.Diverged, fault.KindOf(err))
	require.ErrorContains(t, err, "step 3")
}

func TestStepperThatLacksWhatTheArgumentsNeedIsRefused(t *testing.T) {
	args := arguments()
	args.LoadBestModelAtEnd, args.MetricForBestModel = true, "loss"
	_, err := newLoop(t, args, nil, &fake{}, &keeper{}).Run(t.Context())
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "load_best_model_at_end")

	l := newLoop(t, arguments(), nil, &fake{}, &keeper{})
	l.HalfPrecision = true
	_, err = l.Run(t.Context())
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "fp16")

	args.LoadBestModelAtEnd = false
	l = newLoop(t, args, nil, &fake{}, &keeper{})
	l.Evaluate = false
	_, err = l.Run(t.Context())
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "no held-out rows")
}
