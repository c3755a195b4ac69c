//go:build torch

package recipes

import (
	"context"
	"slices"

	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// TrainDPO trains an adapter by direct preference optimisation, from the beginning or from a snapshot, and leaves the PEFT files,
// the tokenizer's files and trainer_state.json in job.OutputDir when it is done. The reference is job.InitAdapter as it is, or the
// base where there is none.
func (r *Runner) TrainDPO(ctx context.Context, job spec.DPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	var out spec.TrainOutcome
	alone, err := replaces(job.InitAdapter, job.LoRA, resume)
	if err != nil {
		return out, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.Args.BF16, job.Args.FP16), addPad: job.AddPadToken, alone: alone})
	if err != nil {
		return out, err
	}
	defer r.release(base)
	run := &dpoRun{pairRun: newPairRun(newTuning(r, base, job.LoRA, job.Args), job.PairData, job.DisableDropout), job: job}
	run.loss = loss.DPO{Beta: job.Beta, LabelSmoothing: job.LabelSmoothing}
	defer run.close()
	if err := run.readPairs(ctx, true, observer); err != nil {
		return out, err
	}
	if err := r.Engine.Do(func() error { return run.attach(job.InitAdapter, resume) }); err != nil {
		return out, err
	}
	if err := run.refer(ctx, resume); err != nil {
		return out, err
	}
	loop, err := run.loop(run, run.train.lengths(), len(run.eval.list) > 0, resume, observer)
	if err != nil {
		return out, err
	}
	out, err = loop.Run(ctx)
	run.count(&out)
	if err != nil || !out.Done {
		return out, err
	}
	return out, run.publish(job.OutputDir, loop.State, func(map[string][]byte) error { return nil })
}

// dpoRun is one training by DPO in progress: its train.Stepper.
type dpoRun struct {
	pairRun
	job       spec.DPOJob
	loss      loss.DPO
	reference reference
}

// judged is the loss of one pair by the log-probabilities of its answers.
func (d *dpoRun) judged(chosen, rejected float64, reference [2]float64) loss.Judged {
	return d.loss.Pair(chosen, rejected, reference[0], reference[1])
}

// Step implements train.Stepper. The loss is the mean over the pairs of the whole step, as that of a reward model.
func (d *dpoRun) Step(ctx context.Context, step int64, batches [][]int, rate float64) (train.StepResult, error) {
	return d.descendPairs(ctx, step, batches, rate, d.backward)
}

// backward adds the gradients of factor times the loss of a pass of pairs, and gives that loss without the factor. The loss depends
// on the sums of log-probabilities, and through them on each: so the predictions are made twice, first for the sums, and then with
// what the loss gains by each as its weight.
func (d *dpoRun) backward(pass *nn.Pass, index []int, factor float64) (sum float64) {
	through(d.model, pass, d.args, func(hidden *tensor.Tensor) {
		var logps []float64
		d.runner.Engine.NoGrad(func() { logps = answerLogProbs(d.model, pass, hidden) })
		by := make([]float64, len(logps)) // d loss / d log-probability, by row
		for i, n := range index {
			j := d.judged(logps[2*i], logps[2*i+1], d.reference.Train[n])
			sum += j.Loss
			by[2*i], by[2*i+1] = factor*j.Chosen, factor*j.Rejected
		}
		for i, of := range pass.Of {
			weight := 0.0
			for _, n := range of {
				weight -= by[n] // of -log p
			}
			pass.Weights[i] = float32(weight)
		}
		total, _ := loss.Predict(d.model, pass, hidden, 0)
		total.Backward()
	})
	return sum
}

// answerLogProbs sums, for each row of a pass, log p over what it supervises, in nats.
func answerLogProbs(m model.Model, pass *nn.Pass, hidden *tensor.Tensor) []float64 {
	sums := make([]float64, len(pass.Last))
	_, nll := loss.Predict(m, pass, hidden, 0)
	for i, v := range nll.Float32s() {
		for _, n := range pass.Of[i] {
			sums[n] -= float64(v)
		}
	}
	return sums
}

// Evaluate implements train.Stepper: the mean loss over all held-out pairs, whatever the batch size.
func (d *dpoRun) Evaluate(ctx context.Context) (mean float64, err error) {
	logps, err := d.logProbs(ctx, d.slot, d.eval)
	if err != nil {
		return 0, err
	}
	for i, p := range logps {
		mean += d.judged(p[0], p[1], d.reference.Eval[i]).Loss / float64(len(logps))
	}
	return mean, nil
}

// logProbs gives the log-probabilities of the answers of pairs, the chosen one's and the rejected one's. It must not run inside
// Engine.Do.
func (d *dpoRun) logProbs(ctx context.Context, adapter int, of pairs) (all [][2]float64, err error) {
	both := forward{engine: d.runner.Engine, adapter: adapter, batch: 2 * max(1, d.args.PerDeviceEvalBatchSize)}
	err = both.over(ctx, of.rows(of.all()), func(_ int, pass *nn.Pass) {
		for pair := range slices.Chunk(answerLogProbs(d.model, pass, model.Hidden(d.model, pass)), 2) {
			all = append(all, [2]float64(pair))
		}
	})
	return all, err
}

// Snapshot implements train.Stepper.
func (d *dpoRun) Snapshot() (map[string][]byte, error) {
	files, err := d.pairRun.Snapshot()
	if err == nil {
		files[referenceFile], err = d.reference.encode()
	}
	return files, err
}

// refer finds the log-probabilities under the reference: in the snapshot, or by computing them once.
func (d *dpoRun) refer(ctx context.Context, resume *spec.Snapshot) (err error) {
	data := digest(d.train, d.eval)
	if resume != nil {
		if d.reference, err = decodeReference(resume.Files[referenceFile]); err != nil {
			return err
		}
		if d.reference.Pairs != data || len(d.reference.Train) != len(d.train.list) || len(d.reference.Eval) != len(d.eval.list) {
			return fault.New(fault.Conflict, "the snapshot of step %d was made over pairs %s, expected %s: the preferences or how they become tokens have changed",
				resume.Step, d.reference.Pairs.Short(), data.Short())
		}
		return nil
	}
	adapter := nn.NoAdapter
	if d.job.InitAdapter != "" {
		adapter = d.slot
	}
	d.reference.Pairs = data
	if d.reference.Train, err = d.logProbs(ctx, adapter, d.train); err != nil {
		return err
	}
	d.reference.Eval, err = d.logProbs(ctx, adapter, d.eval)
	return err
}
