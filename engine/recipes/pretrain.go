//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/engine/model"
	"elara/engine/optim"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// Pretrain trains all weights of a base model on running text, from the beginning or from a snapshot, and leaves a model in
// Hugging Face form, the tokenizer's files and trainer_state.json in job.OutputDir when it is done. Weights, gradients and
// moments are float32. It has a base of its own: nothing else runs on the device's base meanwhile.
func (r *Runner) Pretrain(ctx context.Context, job spec.PretrainJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	if job.Args.BF16 || job.Args.FP16 {
		return spec.TrainOutcome{}, fault.New(fault.Invalid, "all weights are trained in float32, expected neither bf16 nor fp16")
	}
	if err := refuseParts(job.OutputDir); err != nil {
		return spec.TrainOutcome{}, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: tensor.Float32, alone: true})
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	defer r.release(base)
	p := &pretraining{runner: r, job: job, base: base}
	defer p.close()
	if err := p.read(ctx); err != nil {
		return spec.TrainOutcome{}, err
	}
	if err := r.Engine.Do(func() error { return p.open(resume) }); err != nil {
		return spec.TrainOutcome{}, err
	}
	tellCut(observer, p.train.cut)
	loop, err := p.loop(p, resume, observer)
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	outcome, err := loop.Run(ctx)
	outcome.TrainableParams, outcome.AllParams, outcome.RowsDropped = p.parameters, p.parameters, int64(len(p.train.cut))
	if err != nil || !outcome.Done {
		return outcome, err
	}
	return outcome, p.publish(loop.State)
}

// refuseParts keeps a model from being written beside the index of another one, which readers would believe.
func refuseParts(dir string) error {
	const index = "model.safetensors.index.json"
	if _, err := os.Stat(filepath.Join(dir, index)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fault.At(dir, 0, "the folder holds %s of another model, expected none", index), err)
	}
	return nil
}

// pretraining is one continued pre-training in progress: its train.Stepper.
type pretraining struct {
	runner      *Runner
	job         spec.PretrainJob
	base        *base
	weights     *weights
	optimiser   *optim.AdamW
	train, eval rows
	parameters  int64
}

// open makes the weights trainable and the optimiser ready. It runs inside Engine.Do.
func (p *pretraining) open(resume *spec.Snapshot) error {
	p.weights = newWeights(p.base.model)
	if resume != nil {
		if err := p.weights.decode(resume.Files); err != nil {
			return err
		}
	}
	p.parameters = model.Parameters(p.base.model)
	p.runner.notice(fmt.Sprintf("all %d parameters are trained", p.parameters))
	names, params := p.weights.named()
	p.optimiser = newOptimiser(names, params, p.job.Args)
	if resume != nil {
		return p.optimiser.Restore(resume.Files[optimiserFile], resume.Step)
	}
	return nil
}

// loop sets the training loop of a stepper up at the step it begins with.
func (p *pretraining) loop(stepper train.Stepper, resume *spec.Snapshot, observer spec.TrainObserver) (*train.Loop, error) {
	plan, err := train.NewPlanByLength(p.job.Args, p.train.lengths())
	if err != nil {
		return nil, err
	}
	l, err := train.NewLoop(p.job.Args, plan, stepper, resume, observer)
	if err != nil {
		return nil, err
	}
	l.Timings, l.Evaluate = p.runner.Timings, len(p.eval.list) > 0
	return l, nil
}

// publish writes the finished model.
func (p *pretraining) publish(state *train.State) error {
	files := map[string][]byte{}
	var err error
	if files[train.StateFile], err = state.Encode(); err != nil {
		return err
	}
	if err := addDefaults(files, p.job.BaseModel); err != nil {
		return err
	}
	return writeFolder(p.job.OutputDir, files, func(dir string) error {
		if err := p.base.tok.Save(dir); err != nil {
			return err
		}
		return p.runner.Engine.Do(func() error { return model.Save(dir, p.base.model, tensor.Float32, model.MaxShardBytes) })
	})
}

// close frees what the run pinned beside the base, which goes with its release.
func (p *pretraining) close() {
	// Freeing cannot fail; what Do reports here would be a panic of our own, and the run's error matters more.
	_ = p.runner.Engine.Do(func() error {
		if p.optimiser != nil {
			p.optimiser.Free()
		}
		if p.weights != nil {
			p.weights.free()
		}
		return nil
	})
}
