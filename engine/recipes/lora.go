//go:build torch

package recipes

import (
	"context"

	"elara/spec"
)

// TrainLoRA trains one adapter as the guide's script does, from the beginning or from a snapshot, and leaves the PEFT files,
// the tokenizer's files and trainer_state.json in job.OutputDir when it is done. Several may run at the same time.
func (r *Runner) TrainLoRA(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	alone, err := replaces(r.InitAdapter, job.LoRA, resume)
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.Args.BF16, job.Args.FP16), addPad: job.AddPadToken, alone: alone})
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	defer r.release(base)
	run := &loraRun{tuning: newTuning(r, base, job.LoRA, job.Args), job: job, init: r.InitAdapter}
	defer run.close()
	if err := r.Engine.Do(func() error { return run.open(ctx, resume) }); err != nil {
		return spec.TrainOutcome{}, err
	}
	tellCut(observer, run.train.cut)
	loop, err := run.loop(run, run.train.lengths(), len(run.eval.list) > 0, resume, observer)
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	outcome, err := loop.Run(ctx)
	outcome.TrainableParams, outcome.AllParams, outcome.RowsDropped = run.trainable, run.trainable+run.parameters, int64(len(run.train.cut))
	outcome.RowsShortened, outcome.TokensCut = run.train.shortened, run.train.lost
	if err != nil || !outcome.Done {
		return outcome, err
	}
	return outcome, run.publish(job.OutputDir, loop.State, func(map[string][]byte) error {
		loop.State.Own.Certificate = run.certify()
		return nil
	})
}

// loraRun is one training in progress: the train.Stepper of a LoRA adapter.
type loraRun struct {
	tuning
	job         spec.LoRAJob
	init        string // PEFT folder to begin from; empty: none
	train, eval rows
	maxLength   int // tokens a row is cut to; 0: not cut
}

// open loads rows and adapter. It runs inside Engine.Do.
func (l *loraRun) open(ctx context.Context, resume *spec.Snapshot) error {
	job := l.job
	l.maxLength = min(job.MaxLength, int(l.model.Facts().MaxPositions))
	read := reading{
		tok: l.base.tok, maxLength: l.maxLength, appendEOS: job.AppendEOS,
		completionOnly: job.CompletionOnlyLoss,
	}
	var err error
	if l.train, err = read.training(ctx, job.TrainDataPath, l.runner.notice); err != nil {
		return err
	}
	if job.EvalDataPath != "" {
		if l.eval, err = read.rows(ctx, job.EvalDataPath); err != nil {
			return err
		}
	}
	return l.attach(l.init, resume)
}
