//go:build torch

package recipes

import (
	"context"
	"slices"

	"elara/engine/model"
	"elara/engine/ppo"
	"elara/engine/tensor"
	"elara/engine/train"
)

// updates is what the mini-batches of an iteration did.
type updates struct {
	batches           []ppo.Update
	norms             []float64 // of the policy's gradients
	tokens            int64     // that went through the model
	stoppedByApproxKL bool
}

// update takes the optimiser steps of an iteration: some epochs over its answers, shuffled anew for each and cut into
// mini-batches. A mini-batch is one optimiser step whatever the micro-batches it is computed in: its means are over all of it.
func (p *ppoRun) update(ctx context.Context, step int64, episodes []*episode, micro int, rate float64) (updates, error) {
	var done updates
	c := p.job.PPO
	size := len(episodes) / c.NumMiniBatches
	for epoch := range c.NumPPOEpochs {
		key := tensor.Key(uint64(p.job.Args.Seed)).Named("ppo epochs").Derive(uint64(step)).Derive(uint64(epoch))
		for batch := range slices.Chunk(train.Permutation(len(episodes), int64(key)), size) {
			chosen := make([]*episode, len(batch))
			for i, n := range batch {
				chosen[i] = episodes[n]
			}
			stop, err := p.learn(ctx, chosen, micro, rate, &done)
			if err != nil || stop {
				return done, err
			}
		}
	}
	return done, nil
}

// learn takes one optimiser step over a mini-batch. stop says that the policy is too far from where the iteration began for
// another one; then this one was not taken either, as in TRL.
func (p *ppoRun) learn(ctx context.Context, chosen []*episode, micro int, rate float64, done *updates) (stop bool, err error) {
	var tokens, steps int
	for _, e := range chosen {
		tokens, steps = tokens+len(e.answer), steps+len(e.values)
	}
	var u ppo.Update
	for part := range slices.Chunk(chosen, micro) {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if err := p.runner.Engine.Do(func() error {
			p.gradients(part, tokens, steps, &u, &done.tokens)
			return nil
		}); err != nil {
			return false, err
		}
	}
	stop = p.job.PPO.EarlyStopping && u.ApproxKL() > 1.5*p.job.PPO.TargetKL
	err = p.runner.Engine.Do(func() error {
		if stop {
			p.policy.optimiser.ZeroGrad()
			p.value.optimiser.ZeroGrad()
			done.stoppedByApproxKL = true
			return nil
		}
		norms := [2]float64{}
		for i, l := range []learner{p.policy, p.value} {
			l.adapter.Settle()
			norms[i] = l.optimiser.Clip(p.job.Args.MaxGradNorm)
		}
		done.norms = append(done.norms, norms[0])
		if !finite(u.Loss(p.job.PPO.VFCoef) + norms[0] + norms[1]) {
			return nil // the loop names it and ends; nothing of the iteration is saved
		}
		p.policy.optimiser.Step(rate)
		p.value.optimiser.Step(rate)
		p.state.OptimiserSteps++
		return nil
	})
	done.batches = append(done.batches, u)
	return stop, err
}

// gradients adds a micro-batch's share of the gradients of policy and value function, and what it is judged by to u. tokens and
// steps are those of the whole mini-batch. It runs inside Engine.Do.
func (p *ppoRun) gradients(part []*episode, tokens, steps int, u *ppo.Update, seen *int64) {
	e, c := p.runner.Engine, p.job.PPO
	l := lay(part)
	*seen += 2 * int64(len(l.Tokens))
	e.Scope(func() {
		hidden, logProbs, entropy, slope := p.distribution(l.through(p.policy.adapter.Slot()), true)
		now, uncertain, by := logProbs.Float32s(), entropy.Float32s(), make([]float32, len(l.At))
		for n, ep := range part {
			for t, i := range l.at[n] {
				token := ppo.Policy(float64(now[i]), ep.logProbs[t], ep.advantages[t], c.ClipRange)
				u.Policy(token, float64(now[i]), ep.logProbs[t], float64(uncertain[i]))
				by[i] += float32(token.Slope / float64(tokens))
			}
		}
		hidden.BackwardWith(slope.Mul(e.FromFloat32(by, int64(len(by)), 1)).To(hidden.DType()))
	})
	e.Scope(func() {
		values := p.value.adapter.Score.Forward(model.Hidden(p.model, l.through(p.value.adapter.Slot())), l.valueRows())
		now := values.Float32s()
		by := make([]float32, len(now))
		for n, ep := range part {
			for t, value := range l.valuesOf(n, len(ep.values), now) {
				token := ppo.Value(value, ep.values[t], ep.returns[t], c.ClipRangeValue)
				u.Value(token)
				i := len(l.At) + n // after the end
				if t < len(l.at[n]) {
					i = l.at[n][t]
				}
				by[i] += float32(c.VFCoef * token.Slope / float64(steps))
			}
		}
		values.BackwardWith(e.FromFloat32(by, int64(len(by))))
	})
}

// mean of what f gives for each mini-batch.
func (d updates) mean(f func(ppo.Update) float64) float64 {
	var sum float64
	for _, u := range d.batches {
		sum += f(u) / float64(len(d.batches))
	}
	return sum
}

// ratios are the means of the mini-batches.
func (d updates) ratios() []float64 {
	all := make([]float64, len(d.batches))
	for i, u := range d.batches {
		all[i] = u.Ratio / u.Tokens
	}
	return all
}

// variance with Bessel's correction, as torch's; 0 of a single value.
func variance(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	var mean, sum float64
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean) / float64(len(values)-1)
	}
	return sum
}
