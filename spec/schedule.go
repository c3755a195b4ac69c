package spec

import (
	"slices"
	"strings"

	"elara/spec/fault"
)

// Courses of the learning rate, under transformers' names.
const (
	LRLinear             = "linear"
	LRCosine             = "cosine"
	LRCosineWithRestarts = "cosine_with_restarts"
	LRPolynomial         = "polynomial"
	LRConstant           = "constant"
	LRConstantWithWarmup = "constant_with_warmup"
	LRInverseSqrt        = "inverse_sqrt"
	LRCosineWithMinLR    = "cosine_with_min_lr"
	LRCosineWarmupMinLR  = "cosine_warmup_with_min_lr"
	LRWarmupStableDecay  = "warmup_stable_decay"
)

// Shapes of a rise or a fall of warmup_stable_decay.
const (
	ShapeLinear     = "linear"
	ShapeCosine     = "cosine"
	ShapeSquareRoot = "1-sqrt"
)

// LRSchedulers lists the courses of the learning rate.
func LRSchedulers() []string {
	return []string{
		LRLinear, LRCosine, LRCosineWithRestarts, LRPolynomial, LRConstant, LRConstantWithWarmup, LRInverseSqrt,
		LRCosineWithMinLR, LRCosineWarmupMinLR, LRWarmupStableDecay,
	}
}

// LRKwargs holds transformers' lr_scheduler_kwargs; what is nil or empty has the default of the course.
type LRKwargs struct {
	NumCycles      *float64 `json:"num_cycles,omitempty"`       // waves of a cosine; restarts of cosine_with_restarts
	MinLR          *float64 `json:"min_lr,omitempty"`           // lowest rate
	MinLRRate      *float64 `json:"min_lr_rate,omitempty"`      // the same as a share of learning_rate
	WarmupLRRate   *float64 `json:"warmup_lr_rate,omitempty"`   // rate that the warm-up begins with, as a share of learning_rate
	LREnd          *float64 `json:"lr_end,omitempty"`           // last rate of a polynomial
	Power          *float64 `json:"power,omitempty"`            // of a polynomial
	Timescale      *int64   `json:"timescale,omitempty"`        // of inverse_sqrt, in steps
	NumDecaySteps  *int64   `json:"num_decay_steps,omitempty"`  // of warmup_stable_decay
	NumStableSteps *int64   `json:"num_stable_steps,omitempty"` // of warmup_stable_decay; nil: what warm-up and decay leave
	WarmupType     string   `json:"warmup_type,omitempty"`      // a shape; empty: linear
	DecayType      string   `json:"decay_type,omitempty"`       // a shape; empty: cosine
	MinLRRatio     *float64 `json:"min_lr_ratio,omitempty"`     // lowest rate of warmup_stable_decay, as a share of learning_rate
}

// set names the arguments that are given.
func (k LRKwargs) set() []string {
	var names []string
	for _, argument := range []struct {
		name  string
		given bool
	}{
		{"num_cycles", k.NumCycles != nil}, {"min_lr", k.MinLR != nil}, {"min_lr_rate", k.MinLRRate != nil},
		{"warmup_lr_rate", k.WarmupLRRate != nil}, {"lr_end", k.LREnd != nil}, {"power", k.Power != nil},
		{"timescale", k.Timescale != nil}, {"num_decay_steps", k.NumDecaySteps != nil},
		{"num_stable_steps", k.NumStableSteps != nil}, {"warmup_type", k.WarmupType != ""},
		{"decay_type", k.DecayType != ""}, {"min_lr_ratio", k.MinLRRatio != nil},
	} {
		if argument.given {
			names = append(names, argument.name)
		}
	}
	return names
}

// LRArguments names the lr_scheduler_kwargs that a course takes.
func LRArguments(scheduler string) []string {
	switch scheduler {
	case LRCosine, LRCosineWithRestarts:
		return []string{"num_cycles"}
	case LRPolynomial:
		return []string{"lr_end", "power"}
	case LRInverseSqrt:
		return []string{"timescale"}
	case LRCosineWithMinLR:
		return []string{"num_cycles", "min_lr", "min_lr_rate"}
	case LRCosineWarmupMinLR:
		return []string{"num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"}
	case LRWarmupStableDecay:
		return []string{"num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"}
	}
	return nil
}

// CheckSchedule refuses a course of the learning rate that is not known, that lacks an argument, or that is given one it
// does not take. It names the key that the error is about.
func (a TrainingArgs) CheckSchedule() (key string, err error) {
	name, k := a.LRSchedulerType, a.LRSchedulerKwargs
	if !slices.Contains(LRSchedulers(), name) {
		return "lr_scheduler_type", fault.New(fault.Invalid, "%q is not supported, expected one of %s", name, strings.Join(LRSchedulers(), ", "))
	}
	taken := LRArguments(name)
	for _, argument := range k.set() {
		if !slices.Contains(taken, argument) {
			return "lr_scheduler_kwargs." + argument, fault.New(fault.Invalid, "%s does not take it, expected %s", name, orNone(taken))
		}
	}
	switch name {
	case LRCosineWithMinLR, LRCosineWarmupMinLR:
		if (k.MinLR == nil) == (k.MinLRRate == nil) {
			return "lr_scheduler_kwargs", fault.New(fault.Invalid, "%s needs one of min_lr and min_lr_rate", name)
		}
	case LRWarmupStableDecay:
		if k.NumDecaySteps == nil {
			return "lr_scheduler_kwargs", fault.New(fault.Invalid, "%s needs num_decay_steps", name)
		}
	case LRPolynomial:
		if end := k.End(); a.LearningRate <= end {
			return "lr_scheduler_kwargs.lr_end", fault.New(fault.Invalid, "is %v, expected less than learning_rate, %v", end, a.LearningRate)
		}
	}
	return "", nil
}

// End is the last rate of a polynomial, with transformers' default.
func (k LRKwargs) End() float64 {
	if k.LREnd != nil {
		return *k.LREnd
	}
	return 1e-7
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
