//go:build torch

package recipes

import (
	"context"
	"fmt"
	"slices"

	"elara/data/instruct"
	"elara/data/source"
	"elara/data/tokenizer"
	"elara/engine/nn"
	"elara/scoring/measure"
	"elara/scoring/memory"
	"elara/spec"
	"elara/spec/fault"
)

// Memory asks an adapter, and its base beside it, how much they have by heart of the rows that the adapter was trained on: the rank of
// canaries among the candidates for their secret, runs of tokens that greedy decoding would write as they stand in a row, and whether
// a row's loss tells that it was trained on, as far as the job asks. It computes in float32, and calls progress after every canary and
// row, from one goroutine.
func (r *Runner) Memory(ctx context.Context, job spec.MemoryJob, progress func(spec.Progress)) (spec.MemoryResult, error) {
	result := spec.MemoryResult{Parts: job.Parts, Bounds: job.Bounds}
	asked, err := readMemoryJob(ctx, job, progress)
	if err != nil {
		return result, err
	}
	recall := func(adapter string) (all recalled, err error) {
		err = r.open(ctx, job.BaseModel, adapter, func(b *base, slot int) (err error) {
			all, err = asked.of(ctx, r, b, slot)
			return err
		})
		return all, err
	}
	model, err := recall(job.Adapter)
	if err != nil {
		return result, err
	}
	var before *recalled
	if job.Adapter != "" {
		base, err := recall("")
		if err != nil {
			return result, err
		}
		before = &base
	}
	asked.report(&result, model, before)
	memory.Decide(&result, spec.DefaultGateRules().MinItems)
	return result, nil
}

// memoryAsked is what the model and its base are asked.
type memoryAsked struct {
	job            spec.MemoryJob
	canaries       []memory.Canary
	planted        []int // how often each canary stands among the training rows
	train, heldOut []source.Text
	moved          func() // called after every canary and row
}

// readMemoryJob makes the canaries, takes them out of the training rows, and draws rows of both files.
func readMemoryJob(ctx context.Context, job spec.MemoryJob, progress func(spec.Progress)) (a memoryAsked, err error) {
	a.job = job
	if job.Asks(spec.PartCanaries) {
		if a.canaries, err = memory.Canaries(job.Canaries); err != nil {
			return a, err
		}
	}
	a.planted = make([]int, len(a.canaries))
	texts, err := memory.Texts(a.canaries, job.Audience)
	if err != nil {
		return a, err
	}
	for text, err := range source.Texts(ctx, job.TrainDataPath) {
		if err != nil {
			return a, err
		}
		if i := slices.Index(texts, text.Text); i >= 0 {
			a.planted[i]++
		} else {
			a.train = append(a.train, text)
		}
	}
	if !job.Asks(spec.PartVerbatim) && !job.Asks(spec.PartMembership) {
		a.train = nil
	}
	if job.Asks(spec.PartMembership) {
		for text, err := range source.Texts(ctx, job.EvalDataPath) {
			if err != nil {
				return a, err
			}
			a.heldOut = append(a.heldOut, text)
		}
	}
	a.train, a.heldOut = drawn(a.train, job), drawn(a.heldOut, job)
	at := spec.Progress{Stage: spec.StageEvaluate, TotalSteps: int64(len(a.canaries) + len(a.train) + len(a.heldOut))}
	if job.Adapter != "" {
		at.TotalSteps *= 2 // and the base
	}
	a.moved = func() {
		at.Step++
		progress(at)
	}
	return a, nil
}

// drawn picks as many rows as the job allows, in the file's order.
func drawn(texts []source.Text, job spec.MemoryJob) []source.Text {
	if job.MaxRows == 0 || len(texts) <= job.MaxRows {
		return texts
	}
	places := measure.Order(uint64(job.Seed), len(texts))[:job.MaxRows]
	slices.Sort(places)
	picked := make([]source.Text, len(places))
	for i, place := range places {
		picked[i] = texts[place]
	}
	return picked
}

// recalled is what one model knows.
type recalled struct {
	ranks          []int // of each canary's secret
	train, heldOut recalledRows
}

// recalledRows are rows that have a token to look at.
type recalledRows struct {
	lines  []int64
	tokens []int     // of each, that are looked at
	losses []float64 // mean -log p of those tokens, in nats
	runs   []int     // longest run of tokens that greedy decoding writes; only of training rows
}

// of asks a model.
func (a memoryAsked) of(ctx context.Context, r *Runner, b *base, slot int) (out recalled, err error) {
	if a.job.Asks(spec.PartCanaries) {
		if out.ranks, err = a.ranks(ctx, r, b, slot); err != nil {
			return out, err
		}
	}
	withRuns, withOthers := a.job.Asks(spec.PartVerbatim), a.job.Asks(spec.PartMembership)
	if withRuns || withOthers {
		if out.train, err = a.rows(ctx, r, b, slot, a.job.TrainDataPath, a.train, withRuns); err != nil {
			return out, err
		}
	}
	if withOthers {
		out.heldOut, err = a.rows(ctx, r, b, slot, a.job.EvalDataPath, a.heldOut, false)
	}
	return out, err
}

// ranks compares each canary's secret with all candidates, behind the same words.
func (a memoryAsked) ranks(ctx context.Context, r *Runner, b *base, slot int) ([]int, error) {
	ranks := make([]int, len(a.canaries))
	for i, c := range a.canaries {
		prompt, err := c.Prompt(a.job.Audience)
		if err != nil {
			return nil, err
		}
		likelihoods, err := r.likelihoods(ctx, b, slot, []spec.ChoiceItem{{ID: fmt.Sprintf("canary %d", i+1), Prompt: prompt, Choices: c.Secrets}}, func(int) {})
		if err != nil {
			return nil, err
		}
		logProbs := make([]float64, len(c.Secrets))
		for n, l := range likelihoods[0] {
			logProbs[n] = l.Sum
		}
		ranks[i] = memory.Rank(logProbs)
		a.moved()
	}
	return ranks, nil
}

// rows gives each row's loss, and its longest run where that is asked for.
func (a memoryAsked) rows(ctx context.Context, r *Runner, b *base, slot int, path string, texts []source.Text, withRuns bool) (out recalledRows, err error) {
	var list []sequence
	length := min(a.job.MaxLength, int(b.model.Facts().MaxPositions))
	for _, text := range texts {
		tokens := b.tok.EncodeWithSpecial(text.Text)
		first := own(b.tok, text.Text, tokens, a.job.CompletionOnlyLoss)
		tokens = tokens[:min(len(tokens), length)]
		if first >= len(tokens) {
			a.moved()
			continue
		}
		list = append(list, sequence{tokens, len(tokens) - first})
		out.lines = append(out.lines, int64(text.Line))
	}
	if len(list) == 0 {
		return out, fault.At(path, 0, "no row has a token to look at; expected rows of the training's form")
	}
	out.tokens, out.losses = make([]int, len(list)), make([]float64, len(list))
	if withRuns {
		out.runs = make([]int, len(list))
	}
	err = predict(ctx, r.Engine, b.model, slot, list, withRuns, func(number int, made []prediction) error {
		loss := 0.0
		isTop := make([]bool, len(made))
		for i, p := range made {
			loss -= p.logProb / float64(len(made))
			isTop[i] = p.isTop
		}
		out.tokens[number], out.losses[number] = len(made), loss
		if withRuns {
			out.runs[number] = memory.LongestRun(isTop)
		}
		a.moved()
		return nil
	})
	return out, err
}

// own finds the first token of a text that is the row's own: behind the template up to the question, or up to the answer where only
// answers were trained. A text of another form is its own from the second token on, and has no answer.
func own(tok *tokenizer.Tokenizer, text string, tokens []int32, answersOnly bool) int {
	question, answer, isTemplate := instruct.Split(text)
	switch {
	case !isTemplate && answersOnly:
		return len(tokens)
	case !isTemplate:
		return 1
	}
	end := len(text) - len(answer)
	if !answersOnly {
		end -= len("\n"+instruct.AssistantMarker) + len(question)
	}
	return max(1, nn.Common(tok.EncodeWithSpecial(text[:end]), tokens))
}

// report puts figures together; before is nil where the base itself was asked.
func (a memoryAsked) report(out *spec.MemoryResult, model recalled, before *recalled) {
	if a.job.Asks(spec.PartCanaries) {
		a.exposures(out, model, before)
	}
	if a.job.Asks(spec.PartVerbatim) {
		out.Verbatim = a.verbatim(model.train, before)
	}
	if !a.job.Asks(spec.PartMembership) {
		return
	}
	bound := a.job.Bounds.MembershipAUC
	out.Membership = memory.Membership(model.train.losses, model.heldOut.losses, bound)
	if before != nil {
		base := memory.Membership(before.train.losses, before.heldOut.losses, bound)
		out.BaseMembership = &base
	}
}

func (a memoryAsked) exposures(out *spec.MemoryResult, model recalled, before *recalled) {
	n, found := a.job.Canaries.Candidates, 0
	for i, rank := range model.ranks {
		e := spec.Exposure{Planted: a.planted[i], Rank: rank, Candidates: n, Exposure: memory.Exposure(rank, n), IsFound: memory.IsFound(rank, n, len(a.canaries))}
		if before != nil {
			base := memory.Exposure(before.ranks[i], n)
			e.BaseExposure = &base
		}
		if e.IsFound {
			found++
		}
		out.Canaries = append(out.Canaries, e)
	}
	out.Found = measure.Share(found, len(out.Canaries)).Estimate()
}

func (a memoryAsked) verbatim(rows recalledRows, before *recalled) spec.Verbatim {
	least := a.job.Bounds.VerbatimTokens
	out := spec.Verbatim{Rows: len(rows.lines)}
	for i, run := range rows.runs {
		out.Longest = max(out.Longest, run)
		switch {
		case rows.tokens[i] < least:
			out.TooShort++
		case run >= least && (before == nil || before.train.runs[i] < least):
			out.Lines = append(out.Lines, rows.lines[i])
		}
	}
	out.Told = len(out.Lines)
	if long := out.Rows - out.TooShort; long > 0 {
		out.Share = measure.Share(out.Told, long).Estimate()
	}
	return out
}
