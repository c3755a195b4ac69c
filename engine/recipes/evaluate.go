//go:build torch

package recipes

import (
	"context"
	"errors"
	"sync"

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

// Evaluate measures an adapter and its base, or another model and the base, on the same held-out rows, token by token, and lets both
// answer the same prompts and multiple-choice questions. Where the job asks for it, the base then says how well each answer fits its own
// prompt.
func (r *Runner) Evaluate(ctx context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (spec.EvaluateOutcome, error) {
	step, total := int64(0), int64(0)
	report := func(n int) {
		step += int64(n)
		progress(spec.Progress{Stage: "evaluate", Step: step, TotalSteps: total})
	}
	out, err := r.evaluate(ctx, job, func(rows int64) {
		total = 2 * (rows + int64(len(job.Prompts)+len(job.Choices)))
		if job.OtherQuestions > 0 {
			total += 2 * int64(len(job.Prompts))
		}
	}, report)
	if err != nil || job.OtherQuestions == 0 || len(job.Prompts) == 0 {
		return out, err
	}
	// The base as it is, without what the adapter may have replaced.
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.BF16, job.FP16), addPad: job.AddPadToken})
	if err != nil {
		return out, err
	}
	defer r.release(base)
	if out.BaseGains, err = r.gains(ctx, base, job.Prompts, out.BaseAnswers, job.OtherQuestions, report); err != nil {
		return out, err
	}
	out.AdapterGains, err = r.gains(ctx, base, job.Prompts, out.AdapterAnswers, job.OtherQuestions, report)
	return out, err
}

// evaluate is Evaluate without the gains. It tells begin how many rows it found.
func (r *Runner) evaluate(ctx context.Context, job spec.EvaluateJob, begin func(rows int64), report func(n int)) (out spec.EvaluateOutcome, err error) {
	replaces, err := alone(job.Adapter)
	if err != nil {
		return out, err
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.BF16, job.FP16), addPad: job.AddPadToken, alone: replaces})
	if err != nil {
		return out, err
	}
	release := sync.OnceFunc(func() { r.release(base) })
	defer release()
	positions := base.model.Facts().MaxPositions
	if job.Model != "" { // both take the same rows
		facts, err := r.facts(job.Model)
		if err != nil {
			return out, err
		}
		positions = min(positions, facts.MaxPositions)
	}
	read := reading{tok: base.tok, maxLength: min(job.MaxLength, int(positions)), appendEOS: job.AppendEOS, completionOnly: job.CompletionOnlyLoss}
	held, err := read.heldOut(ctx, job.EvalDataPath, job.MaxRows)
	if err != nil {
		return out, err
	}
	out.Rows = int64(len(held.list))
	begin(out.Rows)
	out.Items = make([]spec.RowLoss, len(held.list))
	for i := range out.Items {
		out.Items[i].Line = held.lines[i]
	}
	out.BaseNLL, out.Tokens, err = heldOutRows(ctx, r.Engine, base.model, nn.NoAdapter, held.list, evalBatch, report, func(row int, nll float64) {
		out.Items[row].Tokens++
		out.Items[row].BaseNLL += nll
	})
	if err != nil {
		return out, err
	}
	if out.BaseChoices, err = r.likelihoods(ctx, base, nn.NoAdapter, job.Choices, report); err != nil {
		return out, err
	}
	other := compared{r, job, held.list, report, &out}
	if replaces || job.Model != "" { // the base as it is has to answer first
		answers, err := r.answer(ctx, base, []int{nn.NoAdapter}, job, report)
		if err != nil {
			return out, err
		}
		out.BaseAnswers = answers[0]
	}
	if job.Model != "" {
		tokens := base.tok.Hash()
		release()
		err = other.model(ctx, tokens)
		return out, err
	}
	err = r.with(base, job.Adapter, lora.Load, func(a *lora.Adapter) error { return other.measure(ctx, base, a.Slot()) })
	return out, err
}

// compared is what is held against the base: an adapter on it, or a model of its own.
type compared struct {
	runner *Runner
	job    spec.EvaluateJob
	held   []nn.Row
	report func(n int)
	out    *spec.EvaluateOutcome
}

// model measures the job's model. Its tokens must be the base's, whose tokenizer's hash is given.
func (c compared) model(ctx context.Context, tokens spec.Digest) error {
	b, err := c.runner.acquire(ctx, baseKey{path: c.job.Model, dtype: c.runner.dtype(c.job.BF16, c.job.FP16)})
	if err != nil {
		return err
	}
	defer c.runner.release(b)
	if got := b.tok.Hash(); got != tokens {
		return fault.At(c.job.Model, 0, "the tokenizer is %s, expected the base's, %s", got.Short(), tokens.Short())
	}
	return c.measure(ctx, b, nn.NoAdapter)
}

// measure lets the base answer beside it, where it has not yet.
func (c compared) measure(ctx context.Context, b *base, slot int) (err error) {
	r, out := c.runner, c.out
	out.AdapterNLL, _, err = heldOutRows(ctx, r.Engine, b.model, slot, c.held, evalBatch, c.report, func(row int, nll float64) {
		out.Items[row].AdapterNLL += nll
	})
	if err != nil {
		return err
	}
	if out.AdapterChoices, err = r.likelihoods(ctx, b, slot, c.job.Choices, c.report); err != nil {
		return err
	}
	answering := []int{slot}
	if out.BaseAnswers == nil {
		answering = []int{nn.NoAdapter, slot}
	}
	answers, err := r.answer(ctx, b, answering, c.job, c.report)
	if err != nil {
		return err
	}
	if len(answers) == 2 {
		out.BaseAnswers = answers[0]
	}
	out.AdapterAnswers = answers[len(answers)-1]
	return nil
}

// loader attaches the adapter of a PEFT folder: lora.Load, or lora.LoadScorer for a reward model.
type loader func(m model.Model, slot int, dir string) (*lora.Adapter, error)

// with runs f while the adapter of a folder sits on the base. It must not run inside Engine.Do.
func (r *Runner) with(b *base, dir string, load loader, f func(a *lora.Adapter) error) error {
	var adapter *lora.Adapter
	if err := r.Engine.Do(func() (err error) {
		adapter, err = b.put(func(slot int) (*lora.Adapter, error) { return load(b.model, slot, dir) })
		return err
	}); err != nil {
		return err
	}
	err := f(adapter)
	return errors.Join(err, r.Engine.Do(func() error { b.remove(adapter); return nil }))
}

// heldOut sums -log p over all predicted tokens, in float64 and in stream order. Other recipes get their turn between batches;
// it must not run inside Engine.Do.
func heldOut(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, list []nn.Row, batch int, report func(rows int)) (total float64, tokens int64, err error) {
	return heldOutRows(ctx, e, m, adapter, list, batch, report, nil)
}

// heldOutRows is heldOut that also gives, where each is set, every predicted token of every row: the row's place in the list and
// the token's -log p.
func heldOutRows(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, list []nn.Row, batch int, report func(rows int), each func(row int, nll float64)) (total float64, tokens int64, err error) {
	err = forward{e, adapter, batch, report}.over(ctx, list, func(first int, pass *nn.Pass) {
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
	if err != nil {
		return 0, 0, err
	}
	return total, tokens, nil
}

// answer lets each of some adapters continue every prompt, greedily until the end-of-text token, all of them side by side. It
// must not run inside Engine.Do.
func (r *Runner) answer(ctx context.Context, b *base, adapters []int, job spec.EvaluateJob, report func(answers int)) ([][]string, error) {
	var requests []sample.Request
	for _, adapter := range adapters {
		for _, p := range job.Prompts {
			requests = append(requests, sample.Request{
				Prompt: b.tok.EncodeWithSpecial(p), Adapter: adapter,
				Options: sample.Options{MaxNewTokens: job.MaxNewTokens, Stop: stops(b.tok)},
			})
		}
	}
	answers := make([][]string, len(adapters))
	for i := range answers {
		answers[i] = []string{}
	}
	err := r.generate(ctx, b.model, generateRows, requests, func(i int, s *sample.Sequence) error {
		at := i / len(job.Prompts)
		answers[at] = append(answers[at], b.tok.Decode(s.Tokens, true))
		report(1)
		return nil
	})
	return answers, err
}

// stops are the tokens that end an answer.
func stops(tok *tokenizer.Tokenizer) []int32 {
	if id, _, ok := tok.EOS(); ok {
		return []int32{id}
	}
	return nil
}
