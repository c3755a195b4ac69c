//go:build torch

package recipes

import (
	"context"
	"math"

	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/train"
)

// Step implements train.Stepper.
func (l *loraRun) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	micro := make([][]nn.Row, len(batches))
	for i, b := range batches {
		micro[i] = l.train.take(b)
	}
	dropout := l.dropout(step)
	return l.descend(micro, learningRate, func(used *utilisation) (float64, error) {
		return l.gradients(passes(micro, l.maxLength), leastShared, l.scale, func(i int, pass *nn.Pass) error {
			pass.Train, pass.Key = true, dropout.Derive(uint64(i))
			used.add(l.model, pass)
			return context.Cause(ctx)
		})
	})
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
