package train

import (
	"context"
	"math"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

// Stepper does the arithmetic of a run.
type Stepper interface {
	// Step adds up the gradients of the micro-batches and takes one optimiser step. On an OutOfMemory error nothing was
	// changed and no gradient is left.
	Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (StepResult, error)
	// Evaluate gives the mean loss over the held-out rows and changes nothing that training depends on.
	Evaluate(ctx context.Context) (float64, error)
	// Snapshot gives all tensors that a later step depends on, as named files.
	Snapshot() (map[string][]byte, error)
}

// StepResult is what one optimiser step did.
type StepResult struct {
	Loss     float64 // mean over the step's supervised tokens, before the step
	GradNorm float64 // before clipping
	Tokens   int64   // real tokens that went through the model
}

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
}

// Run goes on from the state to the end, or until the observer asks it to yield; then it has saved, and the outcome is not
// done. A loss or gradient that is not finite ends the run with a Diverged error before anything of that step is saved.
func (l *Loop) Run(ctx context.Context) (spec.TrainOutcome, error) {
	resumed := l.State.GlobalStep
	begin, tokens := time.Now(), int64(0)
	saved := resumed
	for l.State.GlobalStep < l.Plan.TotalSteps {
		if ctx.Err() != nil {
			return l.outcome(), context.Cause(ctx)
		}
		step := l.State.GlobalStep + 1
		rate := l.Schedule.Rate(step)
		result, err := l.step(ctx, step, rate)
		if err != nil {
			return l.outcome(), err
		}
		tokens += result.Tokens
		speed := float64(tokens) / max(time.Since(begin).Seconds(), 1e-9)
		l.advance(step, result, rate, speed)
		if l.due(l.Args.EvalStrategy, l.Args.EvalSteps, step) && l.Evaluate {
			if err := l.evaluate(ctx); err != nil {
				return l.outcome(), err
			}
		}
		last := step == l.Plan.TotalSteps
		if last {
			l.finish()
		}
		yield := !last && l.Observer.Yield(step)
		if last || yield || l.due(l.Args.SaveStrategy, l.Args.SaveSteps, step) {
			if err := l.save(ctx); err != nil {
				return l.outcome(), err
			}
			saved = step
		}
		l.Observer.Progress(spec.Progress{
			Stage: "train", Adapter: l.Adapter, Step: step, TotalSteps: l.Plan.TotalSteps, Epoch: l.State.Epoch, Loss: result.Loss,
			LearningRate: rate, GradNorm: result.GradNorm, EvalLoss: l.State.Own.LastEvalLoss, TokensPerSecond: speed,
			CheckpointStep: saved, ResumedFrom: resumed,
		})
		if yield {
			break
		}
	}
	return l.outcome(), nil
}

// step runs one optimiser step. When memory runs out, the same rows are run again in micro-batches of half the size, with
// the same denominator, and the size is kept for the rest of the run.
func (l *Loop) step(ctx context.Context, step int64, rate float64) (StepResult, error) {
	batches := l.Plan.Batches(step)
	for {
		size := l.State.Own.MicroBatch
		result, err := l.Stepper.Step(ctx, step, split(batches, size), rate)
		if !fault.Is(err, fault.OutOfMemory) {
			if err == nil && !finite(result.Loss, result.GradNorm) {
				err = fault.New(fault.Diverged, "step %d: loss %v, gradient norm %v", step, result.Loss, result.GradNorm)
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

// advance books a step and writes the log entry when one is due.
func (l *Loop) advance(step int64, result StepResult, rate, speed float64) {
	s := l.State
	s.GlobalStep, s.Epoch = step, l.Plan.Epoch(step)
	s.TokensSeen += result.Tokens
	s.Own.WindowLoss += result.Loss
	s.Own.WindowSteps++
	s.Own.TotalLoss += result.Loss
	if l.Args.LoggingSteps <= 0 || step%l.Args.LoggingSteps != 0 {
		return
	}
	loss := s.Own.WindowLoss / float64(s.Own.WindowSteps)
	s.Own.LastLoss, s.Own.WindowLoss, s.Own.WindowSteps = loss, 0, 0
	entry := LogEntry{Epoch: s.Epoch, Step: step, Loss: &loss, GradNorm: &result.GradNorm, LearningRate: &rate}
	if l.Timings {
		entry.TokensPerSecond = &speed
	}
	s.LogHistory = append(s.LogHistory, entry)
}

func (l *Loop) evaluate(ctx context.Context) error {
	loss, err := l.Stepper.Evaluate(ctx)
	if err != nil {
		return err
	}
	if !finite(loss) {
		return fault.New(fault.Diverged, "step %d: held-out loss %v", l.State.GlobalStep, loss)
	}
	l.State.Own.LastEvalLoss = loss
	l.State.LogHistory = append(l.State.LogHistory, LogEntry{Epoch: l.State.Epoch, Step: l.State.GlobalStep, EvalLoss: &loss})
	return nil
}

// finish writes the last log entry: the mean loss over all steps.
func (l *Loop) finish() {
	mean := l.State.Own.TotalLoss / float64(l.State.GlobalStep)
	l.State.LogHistory = append(l.State.LogHistory, LogEntry{Epoch: l.State.Epoch, Step: l.State.GlobalStep, TrainLoss: &mean})
}

// due reports whether something that happens by strategy "steps" or "epoch" happens after a step.
func (l *Loop) due(strategy string, every, step int64) bool {
	switch strategy {
	case "steps":
		return every > 0 && step%every == 0
	case "epoch":
		return l.Plan.EndsEpoch(step)
	}
	return false
}

func (l *Loop) save(ctx context.Context) error {
	files, err := l.Stepper.Snapshot()
	if err != nil {
		return err
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
	return spec.TrainOutcome{
		Step: s.GlobalStep, TotalSteps: l.Plan.TotalSteps, Done: s.GlobalStep == l.Plan.TotalSteps,
		Loss: s.Own.TotalLoss / float64(max(1, s.GlobalStep)), EvalLoss: s.Own.LastEvalLoss,
	}
}
