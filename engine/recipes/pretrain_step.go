//go:build torch

package recipes

import (
	"context"

	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
)

// Step implements train.Stepper. The denominator is counted over the whole step, so that how rows are cut into micro-batches
// does not change the gradient.
func (p *pretraining) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	var result train.StepResult
	var counted int64
	for _, b := range batches {
		for _, row := range p.train.take(b) {
			counted += loss.Counted(p.weights, row)
			result.Tokens += int64(len(row.Tokens))
		}
	}
	e := p.runner.Engine
	dropout := tensor.Key(uint64(p.job.Args.Seed)).Named("dropout").Derive(uint64(step))
	err := e.Do(func() error {
		for i, b := range batches {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			e.Scope(func() {
				pass := nn.Pack(p.train.take(b), 0)
				pass.Adapter, pass.Train, pass.Key = nn.NoAdapter, true, dropout.Derive(uint64(i))
				sum, _ := loss.Causal(p.weights, pass)
				result.Loss += sum.Scalar() / float64(counted)
				sum.Scale(1 / float64(counted)).Backward()
			})
		}
		p.weights.settle()
		result.GradNorm = p.optimiser.Clip(p.job.Args.MaxGradNorm)
		if !finite(result.Loss + result.GradNorm) {
			return nil // the loop names it; the weights stay as they were
		}
		p.optimiser.Step(learningRate)
		return nil
	})
	if err != nil {
		// A failed step leaves no gradient behind; freeing them cannot fail.
		_ = e.Do(func() error {
			p.weights.forget()
			p.optimiser.ZeroGrad()
			return nil
		})
	}
	return result, err
}

// Evaluate implements train.Stepper: the mean of -log p over all held-out tokens, whatever the batch size.
func (p *pretraining) Evaluate(ctx context.Context) (float64, error) {
	total, tokens, err := heldOut(ctx, p.runner.Engine, p.weights, nn.NoAdapter, p.eval.list, p.job.Args.PerDeviceEvalBatchSize, nil)
	return total / float64(max(1, tokens)), err
}

// Snapshot implements train.Stepper: 12 bytes a parameter.
func (p *pretraining) Snapshot() (map[string][]byte, error) {
	files, err := p.Weights()
	if err != nil {
		return nil, err
	}
	err = p.runner.Engine.Do(func() (err error) {
		files[optimiserFile], err = p.optimiser.Encode()
		return err
	})
	return files, err
}

// Weights implements train.Restorer.
func (p *pretraining) Weights() (files map[string][]byte, err error) {
	err = p.runner.Engine.Do(func() (err error) {
		files, err = p.weights.encode()
		return err
	})
	return files, err
}

// Restore implements train.Restorer.
func (p *pretraining) Restore(weights map[string][]byte) error {
	return p.runner.Engine.Do(func() error { return p.weights.decode(weights) })
}
