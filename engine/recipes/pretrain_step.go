//go:build torch

package recipes

import (
	"context"

	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
)

// Step implements train.Stepper.
func (p *pretraining) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	micro := make([][]nn.Row, len(batches))
	for i, b := range batches {
		micro[i] = p.train.take(b)
	}
	return p.descend(ctx, step, micro, 0, learningRate, func(_ int, pass *nn.Pass) (*tensor.Tensor, error) {
		sum, _ := loss.Causal(p.weights, pass)
		return sum, nil
	})
}

// descend takes a step down the sum that a loss gives for each micro-batch. The denominator is counted over the whole step, so that
// how rows are cut into micro-batches does not change the gradient. Beginnings of least tokens are computed once; 0: none.
func (p *pretraining) descend(
	ctx context.Context, step int64, micro [][]nn.Row, least int, learningRate float64, sum func(i int, pass *nn.Pass) (*tensor.Tensor, error),
) (train.StepResult, error) {
	var result train.StepResult
	counted := p.counted(micro)
	for _, rows := range micro {
		for _, row := range rows {
			result.Tokens += int64(len(row.Tokens))
		}
	}
	e := p.runner.Engine
	dropout := tensor.Key(uint64(p.job.Args.Seed)).Named("dropout").Derive(uint64(step))
	err := e.Do(func() (err error) {
		for i, rows := range micro {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			e.Scope(func() {
				pass := nn.Pack(rows, least)
				pass.Adapter, pass.Train, pass.Key = nn.NoAdapter, true, dropout.Derive(uint64(i))
				var total *tensor.Tensor
				if total, err = sum(i, pass); err != nil {
					return
				}
				result.Loss += total.Scalar() / float64(counted)
				total.Scale(1 / float64(counted)).Backward()
			})
			if err != nil {
				return err
			}
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

// counted is the denominator of a step.
func (p *pretraining) counted(micro [][]nn.Row) (n int64) {
	for _, rows := range micro {
		for _, row := range rows {
			n += loss.Counted(p.weights, row)
		}
	}
	return n
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
