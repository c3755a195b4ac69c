//go:build torch

package recipes

import (
	"context"
	"math"

	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
)

// The names of a snapshot's tensors, beside train.StateFile.
const (
	adapterFile   = "adapter_model.safetensors"
	optimiserFile = "optimizer.safetensors"
)

// ScaleLoss implements train.ScaledStepper.
func (l *loraRun) ScaleLoss(factor float64) { l.scale = factor }

// Step implements train.Stepper.
func (l *loraRun) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	var result train.StepResult
	micro := make([][]nn.Row, len(batches))
	for i, b := range batches {
		micro[i] = l.train.take(b)
		for _, row := range micro[i] {
			result.Tokens += int64(len(row.Tokens))
		}
	}
	dropout := tensor.Key(uint64(l.job.Args.Seed)).Named("dropout").Derive(uint64(step))
	err := l.runner.Engine.Do(func() (err error) {
		used := l.runner.utilisation(l.model.Facts().DType)
		result.Loss, err = l.gradients(passes(micro, l.maxLength), leastShared, l.scale, func(i int, pass *nn.Pass) error {
			pass.Train, pass.Key = true, dropout.Derive(uint64(i))
			used.add(l.model, pass)
			return context.Cause(ctx)
		})
		if err != nil {
			return err
		}
		l.adapter.Settle()
		half := l.model.Facts().DType == tensor.Float16
		if half {
			l.optimiser.Unscale(l.scale)
		}
		result.GradNorm = l.optimiser.Clip(l.job.Args.MaxGradNorm)
		if half && !finite(result.GradNorm) { // a gradient that is not finite makes the norm so
			result.Overflow = true
			l.optimiser.ZeroGrad()
			return nil
		}
		if !finite(result.Loss + result.GradNorm) {
			return nil // the loop names it; the parameters stay as they were
		}
		l.optimiser.Step(learningRate)
		result.MatmulShare, result.PeakMemoryBytes = used.share(), l.runner.peakMemory()
		return nil
	})
	if err != nil {
		// A failed step leaves no gradient behind; freeing them cannot fail.
		_ = l.runner.Engine.Do(func() error { l.optimiser.ZeroGrad(); return nil })
	}
	return result, err
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// gradients adds the gradients of some micro-batches, times scale, to the adapter's and gives their loss. The denominator is
// counted over all of them, so that how rows are cut into micro-batches does not change the gradient. each prepares a pass
// before it runs. It must run inside Engine.Do.
func (l *loraRun) gradients(batches [][]nn.Row, least int, scale float64, each func(i int, pass *nn.Pass) error) (mean float64, err error) {
	var counted int64
	for _, rows := range batches {
		for _, row := range rows {
			counted += loss.Counted(l.model, row)
		}
	}
	for i, rows := range batches {
		pass := nn.Pack(rows, least)
		pass.Adapter = l.slot
		if err := each(i, pass); err != nil {
			return 0, err
		}
		mean += backward(l.model, pass, l.job.Args, scale/float64(counted)) / float64(counted)
	}
	return mean, nil
}

// Evaluate implements train.Stepper: the mean of -log p over all held-out tokens, whatever the batch size.
func (l *loraRun) Evaluate(ctx context.Context) (float64, error) {
	total, tokens, err := heldOut(ctx, l.runner.Engine, l.model, l.slot, l.eval.list, l.job.Args.PerDeviceEvalBatchSize, nil)
	return total / float64(max(1, tokens)), err
}

// Snapshot implements train.Stepper.
func (l *loraRun) Snapshot() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := l.runner.Engine.Do(func() error {
		weights, err := l.adapter.EncodeWeights()
		if err != nil {
			return err
		}
		moments, err := l.optimiser.Encode()
		if err != nil {
			return err
		}
		files[adapterFile], files[optimiserFile] = weights, moments
		return nil
	})
	return files, err
}

// Weights implements train.Restorer.
func (l *loraRun) Weights() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := l.runner.Engine.Do(func() (err error) {
		files[adapterFile], err = l.adapter.EncodeWeights()
		return err
	})
	return files, err
}

// Restore implements train.Restorer.
func (l *loraRun) Restore(weights map[string][]byte) error {
	return l.runner.Engine.Do(func() error { return l.adapter.Replace(weights[adapterFile]) })
}
