package train

import (
	"context"
	"math"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

// Loop runs a Stepper over a plan.
type Loop struct {
	Args     spec.TrainingArgs
	Plan     *Plan
	Schedule Schedule
	Stepper  Stepper
	Observer spec.TrainObserver
	State    *State
	Adapter  spec.AdapterName
	Timings  bool // write tokens per second into the log; off where equal runs must give equal files
	Evaluate bool // there are held-out rows
	// HalfPrecision says that the device computes in half precision, with the loss scaled: fp16 on a GPU. The Stepper
	// must be a ScaledStepper.
	HalfPrecision bool
	// Best holds the weights of the best step so far: BestOf the snapshot that the run goes on from.
	Best map[string][]byte

	restorer Restorer
	scaled   ScaledStepper
}

// NewLoop sets a loop up over a plan, at its first step or at that of the snapshot that it goes on from.
func NewLoop(args spec.TrainingArgs, plan *Plan, stepper Stepper, resume *spec.Snapshot, observer spec.TrainObserver) (*Loop, error) {
	schedule, err := NewSchedule(args, plan.TotalSteps)
	if err != nil {
		return nil, err
	}
	l := &Loop{Args: args, Plan: plan, Schedule: schedule, Stepper: stepper, Observer: observer, State: NewState(args, plan)}
	if resume == nil {
		return l, nil
	}
	l.Best = BestOf(resume.Files)
	if l.State, err = DecodeState(resume.Files[StateFile], plan); err != nil {
		return nil, err
	}
	if l.State.GlobalStep != resume.Step {
		return nil, fault.New(fault.Corrupt, "snapshot of step %d holds the state of step %d", resume.Step, l.State.GlobalStep)
	}
	return l, nil
}

// Run goes on from the state to the end, or until the observer asks it to yield; then it has saved, and the outcome is not
// done. A loss or gradient that is not finite ends the run with a Diverged error before anything of that step is saved.
// When it is done the Stepper holds the weights to publish: with load_best_model_at_end those of the best step.
func (l *Loop) Run(ctx context.Context) (spec.TrainOutcome, error) {
	if err := l.equip(); err != nil {
		return l.outcome(), err
	}
	if err := l.evaluateOnStart(ctx); err != nil {
		return l.outcome(), err
	}
	run := progress{begin: time.Now(), resumed: l.State.GlobalStep, saved: l.State.GlobalStep}
	for !l.done() {
		if ctx.Err() != nil {
			return l.outcome(), context.Cause(ctx)
		}
		step := l.State.GlobalStep + 1
		rate := l.Schedule.Rate(step - l.State.Own.Overflows)
		result, err := l.step(ctx, step, rate)
		if err != nil {
			return l.outcome(), err
		}
		run.took(result)
		l.book(step, result)
		save, err := l.follow(ctx, result, rate, run.speed())
		if err != nil {
			return l.outcome(), err
		}
		yield := !l.done() && l.Observer.Yield(step)
		if l.done() || yield || save {
			if err := l.save(ctx); err != nil {
				return l.outcome(), err
			}
			run.saved = step
		}
		l.Observer.Progress(l.progress(run, result, rate))
		if yield {
			return l.outcome(), nil
		}
	}
	return l.outcome(), l.loadBest()
}

// equip asks the Stepper for what the arguments need beyond a Stepper, and fits the state to it.
func (l *Loop) equip() error {
	var can bool
	if l.restorer, can = l.Stepper.(Restorer); l.Args.LoadBestModelAtEnd && !can {
		return fault.New(fault.Invalid, "load_best_model_at_end: this training cannot go back to the weights of an earlier step")
	}
	if l.scaled, can = l.Stepper.(ScaledStepper); l.HalfPrecision && !can {
		return fault.New(fault.Invalid, "fp16: this training cannot scale its loss")
	}
	if l.Args.EvalStrategy != spec.StrategyNo && l.Args.MetricForBestModel != "" && !l.Evaluate {
		return fault.New(fault.Invalid, "metric_for_best_model %q: there are no held-out rows to measure it on", l.Args.MetricForBestModel)
	}
	if l.HalfPrecision && l.State.Own.Scaler == nil {
		l.State.Own.Scaler = newScaler()
	}
	if l.State.Callbacks.EarlyStopping == nil {
		l.State.Callbacks.EarlyStopping = newCallbacks(l.Args).EarlyStopping
	}
	return nil
}

func (l *Loop) done() bool { return l.State.GlobalStep >= l.Plan.TotalSteps || l.State.stopped() }

// step runs one optimiser step. When memory runs out, the same rows are run again in micro-batches of half the size, with
// the same denominator, and the size is kept for the rest of the run.
func (l *Loop) step(ctx context.Context, step int64, rate float64) (StepResult, error) {
	batches := l.Plan.Batches(step)
	for {
		size := l.State.Own.MicroBatch
		if l.HalfPrecision {
			l.scaled.ScaleLoss(l.State.Own.Scaler.Scale)
		}
		result, err := l.Stepper.Step(ctx, step, split(batches, size), rate)
		if !fault.Is(err, fault.OutOfMemory) {
			if err == nil {
				err = l.check(step, result)
			}
			if result.Overflow {
				result = l.skipped(result)
			}
			return result, err
		}
		if size == 0 {
			size = len(batches[0])
		}
		if size == 1 {
			return result, err
		}
		l.State.Own.MicroBatch = (size + 1) / 2
	}
}

// check refuses a step whose numbers are not finite, but for one that half precision skipped and the factor can answer.
func (l *Loop) check(step int64, result StepResult) error {
	if l.HalfPrecision {
		if err := l.State.Own.Scaler.update(result.Overflow); err != nil || result.Overflow {
			return err
		}
	}
	if !finite(result.Loss, result.GradNorm) {
		return fault.New(fault.Diverged, "step %d: loss %v, gradient norm %v", step, result.Loss, result.GradNorm)
	}
	return nil
}

// split cuts micro-batches to at most size rows; 0 leaves them whole.
func split(batches [][]int, size int) [][]int {
	if size == 0 {
		return batches
	}
	var parts [][]int
	for _, b := range batches {
		for ; len(b) > size; b = b[size:] {
			parts = append(parts, b[:size])
		}
		parts = append(parts, b)
	}
	return parts
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// follow does what is due after a step, in transformers' order: what steps ask for, then, when an epoch or the training
// ends, what epochs ask for. It reports whether the step is to be saved.
func (l *Loop) follow(ctx context.Context, result StepResult, rate, speed float64) (save bool, err error) {
	step := l.State.GlobalStep
	due := l.byStep(step)
	if save, err = l.do(ctx, due, result, rate, speed); err != nil {
		return false, err
	}
	if l.done() || l.Plan.EndsEpoch(step) {
		more, err := l.do(ctx, l.byEpoch(step), result, rate, speed)
		if err != nil {
			return false, err
		}
		save = save || more
	}
	if l.done() {
		l.State.Callbacks.Control.Args.TrainingStop = true
		l.finish()
	}
	if save {
		err = l.keepBest()
	}
	return save, err
}

// do logs and evaluates, and reports whether to save.
func (l *Loop) do(ctx context.Context, due agenda, result StepResult, rate, speed float64) (save bool, err error) {
	if due.log {
		l.log(result, rate, speed)
	}
	isBest := false
	if due.evaluate && l.Evaluate {
		loss, err := l.evaluate(ctx)
		if err != nil {
			return false, err
		}
		isBest = l.judge(loss)
	}
	return due.save || isBest && l.Args.SaveStrategy == spec.StrategyBest, nil
}

func (l *Loop) save(ctx context.Context) error {
	files, err := l.Stepper.Snapshot()
	if err != nil {
		return err
	}
	for name, data := range l.Best {
		files[bestPrefix+name] = data
	}
	state, err := l.State.Encode()
	if err != nil {
		return err
	}
	files[StateFile] = state
	return l.Observer.Save(ctx, spec.Snapshot{Step: l.State.GlobalStep, Files: files})
}

func (l *Loop) outcome() spec.TrainOutcome {
	s := l.State
	o := spec.TrainOutcome{
		Step: s.GlobalStep, TotalSteps: l.Plan.TotalSteps, Done: l.done(), StoppedEarly: s.stopped(),
		Loss: s.Own.TotalLoss / float64(max(1, s.GlobalStep)), EvalLoss: s.Own.LastEvalLoss,
	}
	if o.StoppedEarly {
		o.TotalSteps = o.Step
	}
	if o.Done && s.Own.BestStep > 0 {
		o.BestStep, o.EvalLoss = s.Own.BestStep, s.Own.BestLoss
	}
	return o
}
