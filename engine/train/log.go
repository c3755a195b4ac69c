package train

import (
	"context"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

// book counts a step in the state.
func (l *Loop) book(step int64, result StepResult) {
	s := l.State
	if result.Overflow {
		s.Own.Overflows++
	}
	s.GlobalStep, s.Epoch = step, l.Plan.Epoch(step)
	s.TokensSeen += result.Tokens
	s.Own.WindowLoss += result.Loss
	s.Own.WindowSteps++
	s.Own.TotalLoss += result.Loss
}

// skipped is what is booked and shown of a step that overflowed. Its gradients have no norm, and its loss may itself not be
// finite: then the mean of the window so far stands in for it, as in transformers.
func (l *Loop) skipped(result StepResult) StepResult {
	result.GradNorm = 0
	if !finite(result.Loss) {
		result.Loss = l.State.Own.WindowLoss / float64(1+l.State.Own.WindowSteps)
	}
	return result
}

// log ends the window with an entry, unless an entry ended it at this step already.
func (l *Loop) log(result StepResult, rate, speed float64) {
	s := l.State
	if s.Own.WindowSteps == 0 {
		return
	}
	loss := s.Own.WindowLoss / float64(s.Own.WindowSteps)
	s.Own.LastLoss, s.Own.LastLogStep, s.Own.WindowLoss, s.Own.WindowSteps = loss, s.GlobalStep, 0, 0
	entry := LogEntry{Epoch: s.Epoch, Step: s.GlobalStep, Loss: &loss, LearningRate: &rate, Metrics: result.Metrics}
	if !result.Overflow {
		entry.GradNorm = &result.GradNorm
	}
	if l.Timings {
		entry.TokensPerSecond = &speed
	}
	s.LogHistory = append(s.LogHistory, entry)
}

// evaluateOnStart measures the held-out rows before the first step. As in transformers that measurement cannot be the best.
func (l *Loop) evaluateOnStart(ctx context.Context) error {
	if !l.Args.EvalOnStart || !l.Evaluate || l.State.GlobalStep > 0 {
		return nil
	}
	_, err := l.evaluate(ctx)
	return err
}

func (l *Loop) evaluate(ctx context.Context) (float64, error) {
	s := l.State
	loss, err := l.Stepper.Evaluate(ctx)
	if err != nil {
		return 0, err
	}
	if !finite(loss) {
		return 0, fault.New(fault.Diverged, "step %d: held-out loss %v", s.GlobalStep, loss)
	}
	s.Own.LastEvalLoss, s.Own.LastEvalStep = loss, s.GlobalStep
	s.LogHistory = append(s.LogHistory, LogEntry{Epoch: s.Epoch, Step: s.GlobalStep, EvalLoss: &loss})
	return loss, nil
}

// finish writes the last log entry: the mean loss over all steps.
func (l *Loop) finish() {
	mean := l.State.Own.TotalLoss / float64(l.State.GlobalStep)
	l.State.LogHistory = append(l.State.LogHistory, LogEntry{Epoch: l.State.Epoch, Step: l.State.GlobalStep, TrainLoss: &mean})
}

// progress is what an attempt tells of itself beside the state.
type progress struct {
	begin   time.Time
	tokens  int64
	resumed int64 // step it began at
	saved   int64 // newest step that was saved
}

func (p *progress) took(result StepResult) { p.tokens += result.Tokens }

// speed is the real tokens per second of this attempt.
func (p *progress) speed() float64 {
	return float64(p.tokens) / max(time.Since(p.begin).Seconds(), 1e-9)
}

func (l *Loop) progress(run progress, result StepResult, rate float64) spec.Progress {
	s := l.State
	return spec.Progress{
		Stage: spec.StageTrain, Adapter: l.Adapter, Step: s.GlobalStep, TotalSteps: l.Plan.TotalSteps, Epoch: s.Epoch,
		Loss: result.Loss, LearningRate: rate, GradNorm: result.GradNorm, EvalLoss: s.Own.LastEvalLoss,
		EvalStep: s.Own.LastEvalStep, LoggedLoss: s.Own.LastLoss, LoggedStep: s.Own.LastLogStep,
		TokensPerSecond: run.speed(), PeakMemoryBytes: result.PeakMemoryBytes, MatmulShare: result.MatmulShare,
		CheckpointStep: run.saved, ResumedFrom: run.resumed, Metrics: result.Metrics,
	}
}
