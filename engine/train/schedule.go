package train

import (
	"fmt"
	"math"

	"elara/spec"
	"elara/spec/fault"
)

// Schedule gives the learning rate of every step, as transformers' schedulers do.
type Schedule struct {
	rate   float64
	factor factor
}

// factor is the share of the learning rate that a step has, by the number of steps done before it.
type factor func(done float64) float64

// NewSchedule makes the course that the arguments name, for a run of so many steps.
func NewSchedule(args spec.TrainingArgs, totalSteps int64) (Schedule, error) {
	if key, err := args.CheckSchedule(); err != nil {
		return Schedule{}, fmt.Errorf("%s: %w", key, err)
	}
	s := Schedule{rate: args.LearningRate}
	warmup, total := float64(warmupSteps(args, totalSteps)), float64(totalSteps)
	k := args.LRSchedulerKwargs
	switch args.LRSchedulerType {
	case spec.LRLinear:
		s.factor = rising(warmup, func(done float64) float64 { return max(0, (total-done)/max(1, total-warmup)) })
	case spec.LRConstant:
		s.factor = func(float64) float64 { return 1 }
	case spec.LRConstantWithWarmup:
		s.factor = rising(warmup, func(float64) float64 { return 1 })
	case spec.LRCosine:
		s.factor = rising(warmup, cosine(warmup, total, or(k.NumCycles, 0.5), 0))
	case spec.LRCosineWithRestarts:
		s.factor = rising(warmup, restarting(warmup, total, or(k.NumCycles, 1)))
	case spec.LRCosineWithMinLR:
		s.factor = rising(warmup, cosine(warmup, total, or(k.NumCycles, 0.5), lowest(args)))
	case spec.LRCosineWarmupMinLR:
		s.factor = cosineFromMinimum(warmup, total, k, lowest(args))
	case spec.LRPolynomial:
		s.factor = rising(warmup, polynomial(warmup, total, args.LearningRate, k.End(), or(k.Power, 1)))
	case spec.LRInverseSqrt:
		s.factor = rising(warmup, inverseSqrt(warmup, k.Timescale))
	case spec.LRWarmupStableDecay:
		s.factor = warmupStableDecay(warmup, total, k)
	default:
		return Schedule{}, fault.New(fault.Invalid, "lr_scheduler_type %q has no course", args.LRSchedulerType)
	}
	return s, nil
}

// Rate is the learning rate of a step; steps count from 1.
func (s Schedule) Rate(step int64) float64 { return s.rate * s.factor(float64(step-1)) }

// warmupSteps is the length of the warm-up: a number of steps, or a share of them, rounded up.
func warmupSteps(args spec.TrainingArgs, total int64) int64 {
	return steps(args.WarmupSteps, args.WarmupRatio, total)
}

// steps turns a share of a run into steps where the steps themselves are not given.
func steps(fixed int64, share float64, total int64) int64 {
	if fixed > 0 {
		return fixed
	}
	return int64(math.Ceil(float64(total) * share))
}

// or gives the value, or the default where there is none.
func or[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

// lowest is the least rate of a cosine as a share of the learning rate.
func lowest(args spec.TrainingArgs) float64 {
	if k := args.LRSchedulerKwargs; k.MinLR == nil {
		return *k.MinLRRate
	}
	return *args.LRSchedulerKwargs.MinLR / args.LearningRate
}
