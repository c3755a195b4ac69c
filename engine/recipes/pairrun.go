//go:build torch

package recipes

import (
	"context"

	"elara/engine/nn"
	"elara/engine/train"
	"elara/spec"
)

// pairRun is what the trainings from preferences have in common: pairs, and steps over them.
type pairRun struct {
	tuning
	data        spec.PairData
	noDropout   bool
	train, eval pairs
	maxLength   int // tokens of a prompt and an answer together
}

func newPairRun(t tuning, data spec.PairData, disableDropout bool) pairRun {
	return pairRun{tuning: t, data: data, noDropout: disableDropout, maxLength: min(data.MaxLength, int(t.model.Facts().MaxPositions))}
}

// readPairs loads the preferences and tells the observer which lines were left out.
func (p *pairRun) readPairs(ctx context.Context, predicts bool, observer spec.TrainObserver) (err error) {
	read := pairing{tok: p.base.tok, audience: p.data.Audience, maxLength: p.maxLength, predicts: predicts}
	if p.train, err = read.read(ctx, p.data.TrainDataPath, p.runner.notice); err != nil {
		return err
	}
	if p.data.EvalDataPath != "" {
		if p.eval, err = read.read(ctx, p.data.EvalDataPath, p.runner.notice); err != nil {
			return err
		}
	}
	tellCut(observer, p.train.cut)
	return nil
}

// count fills in what the loop does not know.
func (p *pairRun) count(outcome *spec.TrainOutcome) {
	outcome.TrainableParams, outcome.AllParams, outcome.RowsDropped = p.trainable, p.trainable+p.parameters, int64(len(p.train.cut))
}

// descendPairs takes one optimiser step over the mean loss of the pairs of some micro-batches. backward adds the gradients of factor
// times the loss of the pairs in a pass, and gives that loss; index are their numbers.
func (p *pairRun) descendPairs(
	ctx context.Context, step int64, batches [][]int, rate float64, backward func(pass *nn.Pass, index []int, factor float64) float64,
) (train.StepResult, error) {
	micro := make([][]nn.Row, len(batches))
	var index []int
	for i, b := range batches {
		micro[i], index = p.train.rows(b), append(index, b...)
	}
	dropout := p.dropout(step)
	return p.descend(micro, rate, func(used *utilisation) (mean float64, err error) {
		count, left := float64(len(index)), index
		for i, rows := range passes(micro, p.maxLength) {
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			pass := nn.Pack(rows, leastShared)
			pass.Adapter, pass.Train, pass.Key = p.slot, !p.noDropout, dropout.Derive(uint64(i))
			used.add(p.model, pass)
			n := len(rows) / 2
			mean += backward(pass, left[:n], p.scale/count) / count
			left = left[n:]
		}
		return mean, nil
	})
}
