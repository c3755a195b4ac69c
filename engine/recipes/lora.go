//go:build torch

package recipes

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/optim"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// TrainLoRA trains one adapter as the guide's script does, from the beginning or from a snapshot, and leaves the PEFT files,
// the tokenizer's files and trainer_state.json in job.OutputDir when it is done. Several may run at the same time.
func (r *Runner) TrainLoRA(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	init := r.InitAdapter
	if resume != nil {
		init = ""
	}
	replaces, err := alone(init)
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.Args.BF16, job.Args.FP16), addPad: job.AddPadToken, alone: replaces})
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	defer r.release(base)
	run := &loraRun{runner: r, job: job, init: init, base: base, model: base.model, scale: 1}
	defer run.close()
	if err := r.Engine.Do(func() error { return run.open(ctx, resume) }); err != nil {
		return spec.TrainOutcome{}, err
	}
	if hears, ok := observer.(spec.CutObserver); ok {
		for _, line := range run.train.cut {
			hears.Cut(line)
		}
	}
	loop, err := run.loop(resume, observer)
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	outcome, err := loop.Run(ctx)
	outcome.TrainableParams, outcome.AllParams, outcome.RowsDropped = run.trainable, run.trainable+run.parameters, int64(len(run.train.cut))
	if err != nil || !outcome.Done {
		return outcome, err
	}
	return outcome, run.publish(loop.State)
}

// loraRun is one training in progress: the train.Stepper of a LoRA adapter.
type loraRun struct {
	runner      *Runner
	job         spec.LoRAJob
	init        string // PEFT folder to begin from; empty: none
	base        *base
	model       model.Model // of base
	slot        int         // the adapter's place on it
	adapter     *lora.Adapter
	optimiser   *optim.AdamW
	train, eval rows
	maxLength   int     // tokens a row is cut to; 0: not cut
	trainable   int64   // parameters of the adapter
	parameters  int64   // parameters of the base that are not trained, new tokens included
	scale       float64 // of the loss; 1 but in half precision
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
	if l.train, err = read.rows(ctx, job.TrainDataPath); err != nil {
		return err
	}
	if len(l.train.list) == 0 {
		return fault.At(job.TrainDataPath, 0, "no row has a supervised token (%d rows were cut to none), expected at least one", len(l.train.cut))
	}
	if n := len(l.train.cut); n > 0 {
		l.runner.notice(fmt.Sprintf("%s: %d rows have no supervised token and are left out", job.TrainDataPath, n))
	}
	if job.EvalDataPath != "" {
		if l.eval, err = read.rows(ctx, job.EvalDataPath); err != nil {
			return err
		}
	}
	if err := l.attach(resume); err != nil {
		return err
	}
	l.trainable, l.parameters = l.adapter.Trainable(), l.adapter.Frozen(model.Parameters(l.model))
	l.runner.notice(lora.Line(l.trainable, l.parameters))
	return nil
}

// attach puts the adapter on: from the snapshot, from a PEFT folder, or fresh.
func (l *loraRun) attach(resume *spec.Snapshot) error {
	var err error
	key := tensor.Key(uint64(l.job.Args.Seed)).Named("lora")
	l.slot = l.base.slot()
	switch {
	case resume != nil:
		l.adapter, err = lora.Restore(l.model, l.slot, l.job.LoRA, resume.Files[adapterFile])
	case l.init != "":
		l.adapter, err = lora.Load(l.model, l.slot, l.init)
		if err == nil {
			if key := lora.Differs(l.adapter.Config, l.job.LoRA); key != "" {
				l.adapter.Detach()
				l.adapter, err = nil, fault.At(l.init, 0, "the adapter has another %s than the configuration", key)
			}
		}
	default:
		l.adapter, err = lora.New(l.model, l.slot, l.job.LoRA, key)
	}
	if err != nil {
		l.base.slots[l.slot] = false
		return err
	}
	l.adapter.SetDropout(l.job.LoRA.Dropout)
	if l.base.resized {
		l.adapter.KeepEmbeddings()
	}
	names := make([]string, len(l.adapter.Params))
	for i, p := range l.adapter.Params {
		names[i] = p.Name
	}
	l.optimiser = optim.NewAdamW(names, l.adapter.Tensors())
	l.optimiser.Exempt(optim.NoDecay())
	a := l.job.Args
	l.optimiser.Beta1, l.optimiser.Beta2, l.optimiser.Epsilon, l.optimiser.WeightDecay = a.AdamBeta1, a.AdamBeta2, a.AdamEpsilon, a.WeightDecay
	if resume != nil {
		return l.optimiser.Restore(resume.Files[optimiserFile], resume.Step)
	}
	return nil
}

// loop sets the training loop up at the step it begins with.
func (l *loraRun) loop(resume *spec.Snapshot, observer spec.TrainObserver) (*train.Loop, error) {
	plan, err := train.NewPlanByLength(l.job.Args, l.train.lengths())
	if err != nil {
		return nil, err
	}
	schedule, err := train.NewSchedule(l.job.Args, plan.TotalSteps)
	if err != nil {
		return nil, err
	}
	state := train.NewState(l.job.Args, plan)
	var best map[string][]byte
	if resume != nil {
		best = train.BestOf(resume.Files)
		if state, err = train.DecodeState(resume.Files[train.StateFile], plan); err != nil {
			return nil, err
		}
		if state.GlobalStep != resume.Step {
			return nil, fault.New(fault.Corrupt, "snapshot of step %d holds the state of step %d", resume.Step, state.GlobalStep)
		}
		l.optimiser.Skipped(state.Own.Overflows)
	}
	return &train.Loop{
		Args: l.job.Args, Plan: plan, Schedule: schedule, Stepper: l, Observer: observer, State: state,
		Best: best, Timings: l.runner.Timings, Evaluate: len(l.eval.list) > 0,
		HalfPrecision: l.model.Facts().DType == tensor.Float16,
	}, nil
}

// publish writes the finished adapter.
func (l *loraRun) publish(state *train.State) error {
	// One after the other, and what it took goes back: with new tokens the file holds both embeddings, and adapters that are
	// trained at once mostly end at once.
	l.runner.publishing.Lock()
	defer l.runner.publishing.Unlock()
	defer debug.FreeOSMemory()
	var files map[string][]byte
	err := l.runner.Engine.Do(func() (err error) {
		state.Own.Certificate = l.certify()
		files, err = l.adapter.Encode(filepath.Base(l.job.BaseModel))
		return err
	})
	if err != nil {
		return err
	}
	if files[train.StateFile], err = state.Encode(); err != nil {
		return err
	}
	return writeFolder(l.job.OutputDir, files, l.base.tok.Save)
}

// close takes the adapter off and frees what the run pinned.
func (l *loraRun) close() {
	// Freeing cannot fail; what Do reports here would be a panic of our own, and the run's error matters more.
	_ = l.runner.Engine.Do(func() error {
		if l.optimiser != nil {
			l.optimiser.Free()
		}
		if l.adapter != nil {
			l.adapter.Detach()
			l.base.slots[l.slot] = false
		}
		return nil
	})
}
