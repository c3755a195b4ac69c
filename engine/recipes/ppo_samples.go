//go:build torch

package recipes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"elara/spec"
	"elara/spec/fault"
)

// sampled adds to the table after the steps that are due.
func (p *ppoRun) sampled(ctx context.Context, step int64) error {
	total := p.job.Iterations()
	if len(p.held) == 0 || step != total && step%max(1, total/p.job.PPO.NumSampleGenerations) != 0 {
		return nil
	}
	if p.before == nil { // the reference says the same at every step
		before, err := p.greedy(ctx, p.reference)
		if err != nil {
			return err
		}
		p.before = before
	}
	after, err := p.greedy(ctx, p.policy.adapter.Slot())
	if err != nil {
		return err
	}
	table := bytes.NewBuffer(bytes.Clone(p.samples))
	lines := json.NewEncoder(table)
	lines.SetEscapeHTML(false)
	text := func(ids []int32) string { return p.base.tok.Decode(ids, true) }
	for n := range p.held {
		for _, score := range []float64{p.before[n].score, after[n].score} {
			if !finite(score) {
				return fault.New(fault.Diverged, "step %d: the score of sample %d is %v", step, n+1, score)
			}
		}
		if err := lines.Encode(spec.PPOSample{
			Step: step, Prompt: text(p.held[n]), Before: text(p.before[n].answer), After: text(after[n].answer),
			ScoreBefore: p.before[n].score, ScoreAfter: after[n].score,
		}); err != nil {
			return fmt.Errorf("encode %s: %w", samplesFile, err)
		}
	}
	p.samples = table.Bytes()
	return nil
}

// greedy gives an adapter's most probable answers to the held-out prompts, judged.
func (p *ppoRun) greedy(ctx context.Context, slot int) ([]*episode, error) {
	episodes, err := p.generate(ctx, slot, p.held, 0, 0)
	if err != nil {
		return nil, err
	}
	return episodes, p.judged(ctx, episodes)
}
