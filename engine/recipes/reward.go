//go:build torch

package recipes

import (
	"context"

	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
)

// TrainReward trains a reward model from preferences, from the beginning or from a snapshot, and leaves the PEFT files with the
// score head, the tokenizer's files, trainer_state.json and reward.json in job.OutputDir when it is done. Runner.InitAdapter may name
// another reward model to begin from.
func (r *Runner) TrainReward(ctx context.Context, job spec.RewardJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.RewardOutcome, error) {
	var out spec.RewardOutcome
	alone, err := replaces(r.InitAdapter, job.LoRA, resume)
	if err != nil {
		return out, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.Args.BF16, job.Args.FP16), alone: alone})
	if err != nil {
		return out, err
	}
	defer r.release(base)
	job.LoRA.TaskType = spec.TaskSeqCls
	run := &rewardRun{pairRun: newPairRun(newTuning(r, base, job.LoRA, job.Args), job.PairData, job.DisableDropout), job: job}
	defer run.close()
	if err := run.readPairs(ctx, false, observer); err != nil {
		return out, err
	}
	if err := r.Engine.Do(func() error { return run.attach(r.InitAdapter, resume) }); err != nil {
		return out, err
	}
	loop, err := run.loop(run, run.train.lengths(), len(run.eval.list) > 0, resume, observer)
	if err != nil {
		return out, err
	}
	out.TrainOutcome, err = loop.Run(ctx)
	run.count(&out.TrainOutcome)
	if err != nil || !out.Done {
		return out, err
	}
	if out.Report, err = run.report(ctx); err != nil {
		return out, err
	}
	return out, run.publish(job.OutputDir, loop.State, func(files map[string][]byte) (err error) {
		files[rewardFile], err = encodeJSON(rewardFile, *out.Report)
		return err
	})
}

// rewardRun is the training of one reward model in progress: its train.Stepper.
type rewardRun struct {
	pairRun
	job spec.RewardJob
}

// judged is the loss of one pair by the scores of its answers.
func (w *rewardRun) judged(p pair, chosen, rejected float64) loss.Judged {
	j := loss.Pairwise(chosen, rejected, p.margin)
	if p.tie {
		j = loss.Tied(chosen, rejected)
	}
	return j.Centred(chosen, rejected, w.job.CenterRewardsCoefficient)
}

// Step implements train.Stepper. The loss is the mean over the pairs of the whole step, so that how they are cut into micro-batches
// does not change the gradient.
func (w *rewardRun) Step(ctx context.Context, step int64, batches [][]int, rate float64) (train.StepResult, error) {
	return w.descendPairs(ctx, step, batches, rate, w.backward)
}

// backward adds the gradients of factor times the loss of a pass of pairs, and gives that loss without the factor.
func (w *rewardRun) backward(pass *nn.Pass, index []int, factor float64) (sum float64) {
	through(w.model, pass, w.args, func(hidden *tensor.Tensor) {
		scores := w.adapter.Score.Forward(hidden, pass.Last)
		values := scores.Float32s()
		by := make([]float32, len(values))
		for i, n := range index {
			j := w.judged(w.train.list[n], float64(values[2*i]), float64(values[2*i+1]))
			sum += j.Loss
			by[2*i], by[2*i+1] = float32(factor*j.Chosen), float32(factor*j.Rejected)
		}
		scores.BackwardWith(w.runner.Engine.FromFloat32(by, int64(len(by))))
	})
	return sum
}

// Evaluate implements train.Stepper: the mean loss over all held-out pairs, whatever the batch size.
func (w *rewardRun) Evaluate(ctx context.Context) (mean float64, err error) {
	scores, err := w.scores(ctx, w.eval)
	if err != nil {
		return 0, err
	}
	for i, p := range w.eval.list {
		mean += w.judged(p, scores[2*i], scores[2*i+1]).Loss / float64(len(w.eval.list))
	}
	return mean, nil
}

// scores gives the scores of pairs: of each the chosen answer's, then the rejected one's.
func (w *rewardRun) scores(ctx context.Context, of pairs) (scores []float64, err error) {
	return scoreRows(ctx, w.runner.Engine, w.model, w.slot, w.adapter.Score, of.rows(of.all()), 2*w.args.PerDeviceEvalBatchSize)
}

// scoreRows reads a score head at the last token of each row. It must not run inside Engine.Do.
func scoreRows(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, head *nn.Score, rows []nn.Row, batch int) (scores []float64, err error) {
	err = forward{engine: e, adapter: adapter, batch: batch}.over(ctx, rows, func(_ int, pass *nn.Pass) {
		for _, score := range head.Forward(model.Hidden(m, pass), pass.Last).Float32s() {
			scores = append(scores, float64(score))
		}
	})
	return scores, err
}
