//go:build torch

package recipes

import (
	"path/filepath"
	"runtime/debug"

	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/optim"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// The names of a snapshot's tensors, beside train.StateFile.
const (
	adapterFile   = "adapter_model.safetensors"
	optimiserFile = "optimizer.safetensors"
)

// tuning is what all trainings of an adapter have in common: the adapter on its base, its optimiser, and all of train.Stepper but
// the loss.
type tuning struct {
	runner     *Runner
	config     spec.LoRAConfig
	args       spec.TrainingArgs
	base       *base
	model      model.Model // of base
	slot       int         // the adapter's place on it
	adapter    *lora.Adapter
	optimiser  *optim.AdamW
	trainable  int64   // parameters of the adapter
	parameters int64   // parameters of the base that are not trained, new tokens included
	scale      float64 // of the loss; 1 but in half precision
}

func newTuning(r *Runner, b *base, config spec.LoRAConfig, args spec.TrainingArgs) tuning {
	return tuning{runner: r, base: b, model: b.model, config: config, args: args, scale: 1}
}

// attach puts the adapter on: from the snapshot, from a PEFT folder, or fresh. It must run inside Engine.Do.
func (t *tuning) attach(init string, resume *spec.Snapshot) error {
	var err error
	t.adapter, err = t.base.put(func(slot int) (*lora.Adapter, error) {
		switch {
		case resume != nil:
			return lora.Restore(t.model, slot, t.config, resume.Files[adapterFile])
		case init != "":
			return t.begin(slot, init)
		}
		return lora.New(t.model, slot, t.config, tensor.Key(uint64(t.args.Seed)).Named("lora"))
	})
	if err != nil {
		return err
	}
	t.slot = t.adapter.Slot()
	t.adapter.SetDropout(t.config.Dropout)
	if t.base.resized {
		t.adapter.KeepEmbeddings()
	}
	t.trainable, t.parameters = t.adapter.Trainable(), t.adapter.Frozen(model.Parameters(t.model))
	t.runner.notice(lora.Line(t.trainable, t.parameters))
	t.optimiser = newOptimiser(t.adapter.Names(), t.adapter.Tensors(), t.args)
	if resume != nil {
		return t.optimiser.Restore(resume.Files[optimiserFile], resume.Step)
	}
	return nil
}

// newOptimiser makes the optimiser of some parameters. It must run inside Engine.Do.
func newOptimiser(names []string, params []*tensor.Tensor, a spec.TrainingArgs) *optim.AdamW {
	o := optim.NewAdamW(names, params)
	o.Exempt(optim.NoDecay())
	o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay = a.AdamBeta1, a.AdamBeta2, a.AdamEpsilon, a.WeightDecay
	return o
}

// replaces reports whether the adapter that a training goes on from, the snapshot's or that of a folder, replaces the base's
// embeddings. An empty dir does not.
func replaces(dir string, config spec.LoRAConfig, resume *spec.Snapshot) (bool, error) {
	if resume != nil {
		return lora.BringsEmbeddings(resume.Files[adapterFile], config)
	}
	return alone(dir)
}

// begin attaches the adapter of a PEFT folder, which must be as the configuration says.
func (t *tuning) begin(slot int, dir string) (*lora.Adapter, error) {
	load := lora.Load
	if t.config.TaskType == spec.TaskSeqCls {
		load = lora.LoadScorer
	}
	a, err := load(t.model, slot, dir)
	if err != nil {
		return nil, err
	}
	if key := lora.Differs(a.Config, t.config); key != "" {
		a.Detach()
		return nil, fault.At(dir, 0, "the adapter has another %s than the configuration", key)
	}
	return a, nil
}

// loop sets the training loop up at the step it begins with, over rows of some lengths.
func (t *tuning) loop(stepper train.Stepper, lengths []int, evaluate bool, resume *spec.Snapshot, observer spec.TrainObserver) (*train.Loop, error) {
	plan, err := train.NewPlanByLength(t.args, lengths)
	if err != nil {
		return nil, err
	}
	l, err := train.NewLoop(t.args, plan, stepper, resume, observer)
	if err != nil {
		return nil, err
	}
	if resume != nil {
		t.optimiser.Skipped(l.State.Own.Overflows)
	}
	l.Timings, l.Evaluate, l.HalfPrecision = t.runner.Timings, evaluate, t.half()
	return l, nil
}

func (t *tuning) half() bool { return t.model.Facts().DType == tensor.Float16 }

// dropout is the stream of a step's dropout; every pass derives its own from it.
func (t *tuning) dropout(step int64) tensor.Key {
	return tensor.Key(uint64(t.args.Seed)).Named("dropout").Derive(uint64(step))
}

// ScaleLoss implements train.ScaledStepper.
func (t *tuning) ScaleLoss(factor float64) { t.scale = factor }

// descend takes one optimiser step over the rows of some micro-batches: gradients adds up the gradients of the loss times scale,
// and gives the loss. On an error nothing was changed and no gradient is left.
func (t *tuning) descend(batches [][]nn.Row, rate float64, gradients func(used *utilisation) (float64, error)) (result train.StepResult, err error) {
	for _, rows := range batches {
		for _, row := range rows {
			result.Tokens += int64(len(row.Tokens))
		}
	}
	err = t.runner.Engine.Do(func() (err error) {
		used := t.runner.utilisation(t.model.Facts().DType)
		if result.Loss, err = gradients(used); err != nil {
			return err
		}
		t.adapter.Settle()
		if t.half() {
			t.optimiser.Unscale(t.scale)
		}
		result.GradNorm = t.optimiser.Clip(t.args.MaxGradNorm)
		if t.half() && !finite(result.GradNorm) { // a gradient that is not finite makes the norm so
			result.Overflow = true
			t.optimiser.ZeroGrad()
			return nil
		}
		if !finite(result.Loss + result.GradNorm) {
			return nil // the loop names it; the parameters stay as they were
		}
		t.optimiser.Step(rate)
		result.MatmulShare, result.PeakMemoryBytes = used.share(), t.runner.peakMemory()
		return nil
	})
	if err != nil {
		// A failed step leaves no gradient behind; freeing them cannot fail.
		_ = t.runner.Engine.Do(func() error { t.optimiser.ZeroGrad(); return nil })
	}
	return result, err
}

// Snapshot implements train.Stepper.
func (t *tuning) Snapshot() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := t.runner.Engine.Do(func() error {
		weights, err := t.adapter.EncodeSnapshot()
		if err != nil {
			return err
		}
		moments, err := t.optimiser.Encode()
		if err != nil {
			return err
		}
		files[adapterFile], files[optimiserFile] = weights, moments
		return nil
	})
	return files, err
}

// Weights implements train.Restorer.
func (t *tuning) Weights() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := t.runner.Engine.Do(func() (err error) {
		files[adapterFile], err = t.adapter.EncodeWeights()
		return err
	})
	return files, err
}

// Restore implements train.Restorer.
func (t *tuning) Restore(weights map[string][]byte) error {
	return t.runner.Engine.Do(func() error { return t.adapter.Replace(weights[adapterFile]) })
}

// publish writes the finished adapter, and what more gives beside it, which runs inside Engine.Do before the state is written.
func (t *tuning) publish(dir string, state *train.State, more func(files map[string][]byte) error) error {
	// One after the other, and what it took goes back: with new tokens the file holds both embeddings, and adapters that are
	// trained at once mostly end at once.
	t.runner.publishing.Lock()
	defer t.runner.publishing.Unlock()
	defer debug.FreeOSMemory()
	var files map[string][]byte
	err := t.runner.Engine.Do(func() (err error) {
		if files, err = t.adapter.Encode(filepath.Base(t.base.key.path)); err != nil {
			return err
		}
		return more(files)
	})
	if err != nil {
		return err
	}
	if files[train.StateFile], err = state.Encode(); err != nil {
		return err
	}
	return writeFolder(dir, files, t.base.tok.Save)
}

// close takes the adapter off and frees what the run pinned.
func (t *tuning) close() {
	// Freeing cannot fail; what Do reports here would be a panic of our own, and the run's error matters more.
	_ = t.runner.Engine.Do(func() error {
		if t.optimiser != nil {
			t.optimiser.Free()
		}
		if t.adapter != nil {
			t.base.remove(t.adapter)
		}
		return nil
	})
}
