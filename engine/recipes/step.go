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

// Step implements train.Stepper. The denominator is counted over the whole step, so that how rows are cut into micro-batches
// does not change the gradient.
func (l *loraRun) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	var result train.StepResult
	var counted int64
	for _, b := range batches {
		for _, row := range l.train.take(b) {
			counted += loss.Counted(l.model, row)
			result.Tokens += int64(len(row.Tokens))
		}
	}
	e := l.runner.Engine
	dropout := tensor.Key(uint64(l.job.Args.Seed)).Named("dropout").Derive(uint64(step))
	err := e.Do(func() error {
		for i, b := range batches {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			e.Scope(func() {
				pass := nn.Pack(l.train.take(b), leastShared)
				pass.Adapter, pass.Train, pass.Key = l.slot, true, dropout.Derive(uint64(i))
				sum, _ := loss.Causal(l.model, pass)
				result.Loss += sum.Scalar() / float64(counted)
				sum.Scale(1 / float64(counted)).Backward()
			})
		}
		result.GradNorm = l.optimiser.Clip(l.job.Args.MaxGradNorm)
		if math.IsNaN(result.Loss+result.GradNorm) || math.IsInf(result.Loss+result.GradNorm, 0) {
			return nil // the loop names it; the parameters stay as they were
		}
		l.optimiser.Step(learningRate)
		return nil
	})
	if err != nil {
		// A failed step leaves no gradient behind; freeing them cannot fail.
		_ = e.Do(func() error { l.optimiser.ZeroGrad(); return nil })
	}
	return result, err
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
