//go:build torch

package recipes

import (
	"context"
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
func (r *Runner) Evaluate(ctx context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (spec.EvaluateOutcome, error) {
	var out spec.EvaluateOutcome
	err := r.Engine.Do(func() error {
		base, err := r.load(job.BaseModel, evaluationType(job))
		if err != nil {
			return err
		}
		tok, resized, err := vocabulary(base, job.BaseModel, job.AddPadToken)
		if err != nil {
			return err
		}
		if resized {
			defer r.forget()
		}
		held, err := readRows(ctx, job.EvalDataPath, tok, min(job.MaxLength, int(base.Facts().MaxPositions)), job.AppendEOS)
		if err != nil {
			return err
		}
		if job.MaxRows > 0 && len(held.tokens) > job.MaxRows {
			held.tokens = held.tokens[:job.MaxRows]
		}
		if len(held.tokens) == 0 {
			return fault.At(job.EvalDataPath, 0, "no held-out row has a supervised token")
		}
		rows := int64(len(held.tokens))
		step := int64(0)
		report := func(n int) {
			step += int64(n)
			progress(spec.Progress{Stage: "evaluate", Step: step, TotalSteps: 2 * (rows + int64(len(job.Prompts)))})
		}
		out.Rows = rows
		measure := func() (nll float64, answers []string, err error) {
			if nll, out.Tokens, err = heldOut(ctx, r.Engine, base, held.tokens, evalBatch, report); err != nil {
				return 0, nil, err
			}
			answers, err = answer(ctx, base, tok, job)
			report(len(job.Prompts))
			return nll, answers, err
		}
		if out.BaseNLL, out.BaseAnswers, err = measure(); err != nil {
			return err
		}
		adapter, err := lora.Load(base, 0, job.Adapter)
		if err != nil {
			return err
		}
		defer r.takeOff(adapter)
		out.AdapterNLL, out.AdapterAnswers, err = measure()
		return err
	})
	return out, err
}

// evaluationType is the type of the frozen weights; it is the one the adapter was trained over.
func evaluationType(job spec.EvaluateJob) tensor.DType {
	if job.BF16 {
		return tensor.BFloat16
	}
	return tensor.Float32
}

// heldOut sums -log p over all predicted tokens, in float64 and in stream order. It runs inside Engine.Do.
func heldOut(ctx context.Context, e *tensor.Engine, m model.Model, sequences [][]int32, batch int, report func(rows int)) (total float64, tokens int64, err error) {
	for part := range slices.Chunk(sequences, max(1, batch)) {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		e.Scope(func() {
			e.NoGrad(func() {
				pass := nn.Pack(nn.Rows(part), leastShared)
				_, nll := loss.Causal(m, pass)
				for i, v := range nll.Float32s() {
					total += float64(pass.Weights[i]) * float64(v)
					tokens += int64(pass.Weights[i])
				}
			})
		})
		if report != nil {
			report(len(part))
		}
	}
	return total, tokens, nil
}

// answer continues every prompt greedily until the end-of-text token.
func answer(ctx context.Context, m model.Model, tok *tokenizer.Tokenizer, job spec.EvaluateJob) ([]string, error) {
	prompts := make([][]int32, len(job.Prompts))
	for i, p := range job.Prompts {
		prompts[i] = tok.EncodeWithSpecial(p)
	}
	ids, err := sample.Generate(ctx, m, prompts, sample.Options{MaxNewTokens: job.MaxNewTokens, Stop: stops(tok)})
	if err != nil {
		return nil, err
	}
	answers := make([]string, len(ids))
	for i, list := range ids {
		answers[i] = tok.Decode(list, true)
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
