//go:build torch

package recipes

import (
	"context"
	"errors"
	"slices"

	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// evalBatch is how many rows go through the model at once where no training arguments say it.
const evalBatch = 8

// Evaluate measures an adapter and its base on the same held-out rows, token by token, and lets both answer the same prompts.
func (r *Runner) Evaluate(ctx context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (out spec.EvaluateOutcome, err error) {
	replaces, err := alone(job.Adapter)
	if err != nil {
		return out, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.BF16, job.FP16), addPad: job.AddPadToken, alone: replaces})
	if err != nil {
		return out, err
	}
	defer r.release(base)
	read := reading{tok: base.tok, maxLength: min(job.MaxLength, int(base.model.Facts().MaxPositions)), appendEOS: job.AppendEOS, completionOnly: job.CompletionOnlyLoss}
	held, err := read.rows(ctx, job.EvalDataPath)
	if err != nil {
		return out, err
	}
	if job.MaxRows > 0 && len(held.list) > job.MaxRows {
		held.list = held.list[:job.MaxRows]
	}
	if len(held.list) == 0 {
		return out, fault.At(job.EvalDataPath, 0, "no held-out row has a supervised token")
	}
	out.Rows = int64(len(held.list))
	step := int64(0)
	report := func(n int) {
		step += int64(n)
		progress(spec.Progress{Stage: "evaluate", Step: step, TotalSteps: 2 * (out.Rows + int64(len(job.Prompts)))})
	}
	measure := func(adapter int) (nll float64, answers []string, err error) {
		if nll, out.Tokens, err = heldOut(ctx, r.Engine, base.model, adapter, held.list, evalBatch, report); err != nil {
			return 0, nil, err
		}
		err = r.Engine.Do(func() (err error) {
			answers, err = answer(ctx, base, adapter, job)
			return err
		})
		report(len(job.Prompts))
		return nll, answers, err
	}
	if out.BaseNLL, out.BaseAnswers, err = measure(nn.NoAdapter); err != nil {
		return out, err
	}
	err = r.with(base, job.Adapter, func(adapter int) error {
		out.AdapterNLL, out.AdapterAnswers, err = measure(adapter)
		return err
	})
	return out, err
}

// with runs f while the adapter of a folder sits on the base. It must not run inside Engine.Do.
func (r *Runner) with(b *base, dir string, f func(adapter int) error) error {
	var adapter *lora.Adapter
	var slot int
	if err := r.Engine.Do(func() (err error) {
		slot = b.slot()
		if adapter, err = lora.Load(b.model, slot, dir); err != nil {
			b.slots[slot] = false
		}
		return err
	}); err != nil {
		return err
	}
	err := f(slot)
	return errors.Join(err, r.Engine.Do(func() error {
		adapter.Detach()
		b.slots[slot] = false
		return nil
	}))
}

// heldOut sums -log p over all predicted tokens, in float64 and in stream order. Other recipes get their turn between batches;
// it must not run inside Engine.Do.
func heldOut(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, list []nn.Row, batch int, report func(rows int)) (total float64, tokens int64, err error) {
	for part := range slices.Chunk(list, max(1, batch)) {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		err := e.Do(func() error {
			e.Scope(func() {
				e.NoGrad(func() {
					pass := nn.Pack(part, leastShared)
					pass.Adapter = adapter
					_, nll := loss.Causal(m, pass)
					for i, v := range nll.Float32s() {
						total += float64(pass.Weights[i]) * float64(v)
						tokens += int64(pass.Weights[i])
					}
				})
			})
			return nil
		})
		if err != nil {
			return 0, 0, err
		}
		if report != nil {
			report(len(part))
		}
	}
	return total, tokens, nil
}

// answer continues every prompt greedily until the end-of-text token. It runs inside Engine.Do.
func answer(ctx context.Context, b *base, adapter int, job spec.EvaluateJob) ([]string, error) {
	prompts := make([][]int32, len(job.Prompts))
	for i, p := range job.Prompts {
		prompts[i] = b.tok.EncodeWithSpecial(p)
	}
	ids, err := sample.Generate(ctx, b.model, prompts, sample.Options{Adapter: adapter, MaxNewTokens: job.MaxNewTokens, Stop: stops(b.tok)})
	if err != nil {
		return nil, err
	}
	answers := make([]string, len(ids))
	for i, list := range ids {
		answers[i] = b.tok.Decode(list, true)
	}
	return answers, nil
}

// stops are the tokens that end an answer.
func stops(tok *tokenizer.Tokenizer) []int32 {
	if id, _, ok := tok.EOS(); ok {
		return []int32{id}
	}
	return nil
}
