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
	out.Items = make([]spec.RowLoss, len(held.list))
	for i := range out.Items {
		out.Items[i].Line = held.lines[i]
	}
	measure := func(adapter int, each func(row int, nll float64)) (nll float64, answers []string, err error) {
		if nll, out.Tokens, err = heldOutRows(ctx, r.Engine, base.model, adapter, held.list, evalBatch, report, each); err != nil {
			return 0, nil, err
		}
		for prompts := range slices.Chunk(job.Prompts, generateBatch) {
			err = r.Engine.Do(func() error {
				some, err := answer(ctx, base, adapter, prompts, job.MaxNewTokens)
				answers = append(answers, some...)
				return err
			})
			if err != nil {
				return 0, nil, err
			}
			report(len(prompts))
		}
		return nll, answers, nil
	}
	if out.BaseNLL, out.BaseAnswers, err = measure(nn.NoAdapter, func(row int, nll float64) {
		out.Items[row].Tokens++
		out.Items[row].BaseNLL += nll
	}); err != nil {
		return out, err
	}
	err = r.with(base, job.Adapter, func(adapter int) error {
		out.AdapterNLL, out.AdapterAnswers, err = measure(adapter, func(row int, nll float64) { out.Items[row].AdapterNLL += nll })
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
	return heldOutRows(ctx, e, m, adapter, list, batch, report, nil)
}

// heldOutRows is heldOut that also gives, where each is set, every predicted token of every row: the row's place in the list and
// the token's -log p.
func heldOutRows(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, list []nn.Row, batch int, report func(rows int), each func(row int, nll float64)) (total float64, tokens int64, err error) {
	first := -max(1, batch)
	for part := range slices.Chunk(list, max(1, batch)) {
		first += max(1, batch)
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
						if each != nil {
							for _, row := range pass.Of[i] {
								each(first+row, float64(v))
							}
						}
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
func answer(ctx context.Context, b *base, adapter int, texts []string, maxNewTokens int) ([]string, error) {
	prompts := make([][]int32, len(texts))
	for i, p := range texts {
		prompts[i] = b.tok.EncodeWithSpecial(p)
	}
	ids, err := sample.Generate(ctx, b.model, prompts, sample.Options{Adapter: adapter, MaxNewTokens: maxNewTokens, Stop: stops(b.tok)})
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
