package train

import (
	"elara/spec"
	"elara/spec/fault"
)

// Schedule gives the learning rate of every step: transformers' "linear", up from zero over the warm-up and down to zero
// at the end.
type Schedule struct {
	rate          float64
	warmup, total int64
}

// NewSchedule refuses kinds other than "linear".
func NewSchedule(args spec.TrainingArgs, totalSteps int64) (Schedule, error) {
	if args.LRSchedulerType != "linear" {
		return Schedule{}, fault.New(fault.Invalid, "lr_scheduler_type %q is not supported, expected linear", args.LRSchedulerType)
	}
	return Schedule{rate: args.LearningRate, warmup: args.WarmupSteps, total: totalSteps}, nil
}

// Rate is the learning rate of a step; steps count from 1.
func (s Schedule) Rate(step int64) float64 {
	done := step - 1
	if done < s.warmup {
		return s.rate * (float64(done) / float64(max(1, s.warmup)))
	}
	return s.rate * max(0, float64(s.total-done)/float64(max(1, s.total-s.warmup)))
}
