//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"elara/engine/ppo"
	"elara/engine/train"
	"elara/spec/fault"
)

// Step implements train.Stepper: one iteration. Where it fails everything is as before it.
func (p *ppoRun) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	before, err := p.Snapshot()
	if err != nil {
		return train.StepResult{}, err
	}
	var prompts []int
	for _, batch := range batches {
		prompts = append(prompts, batch...)
	}
	// After memory ran out there is more than one batch, and the first says how many rows fit.
	micro := min(p.job.Args.PerDeviceTrainBatchSize, len(batches[0])*p.job.PPO.NumGenerations)
	result, err := p.iterate(ctx, step, prompts, micro, learningRate, before[adapterFile])
	if err != nil {
		err = errors.Join(err, p.runner.Engine.Do(func() error { return p.restore(before) }))
	}
	return result, err
}

// iterate draws answers, learns from them, and follows the controllers. policy is the one that draws.
func (p *ppoRun) iterate(ctx context.Context, step int64, prompts []int, micro int, rate float64, policy []byte) (train.StepResult, error) {
	episodes, err := p.rollout(ctx, step, prompts)
	if err != nil {
		return train.StepResult{}, err
	}
	alarms, stop := p.state.Guard.Watch(rolloutOf(episodes, len(p.stop) > 0), p.job.PPO.Guard)
	result := train.StepResult{Metrics: map[string]float64{}}
	for _, alarm := range alarms {
		result.Metrics["alarm/"+string(alarm)] = 1
		p.runner.notice(fmt.Sprintf("step %d: alarm %s", step, alarm))
	}
	if stop {
		result.Metrics["guard/stopped"] = 1
		if !slices.Contains(alarms, ppo.AlarmNaN) { // what ended the run is to be seen in its curves
			p.rewarded(episodes)
			p.measureAnswers(result.Metrics, episodes)
		}
		return result, p.rollBack(step, alarms)
	}
	if p.state.Guard.InRow == 0 {
		p.healthy, p.state.HealthyVersion = policy, p.state.Version
	}
	if err := p.advantages(episodes); err != nil {
		return result, err
	}
	done, err := p.update(ctx, step, episodes, micro, rate)
	if err != nil {
		return result, err
	}
	p.state.Version, p.state.Episodes = step, p.state.Episodes+int64(len(episodes))
	p.measure(result.Metrics, episodes, done, rate)
	result.Loss = done.mean(func(u ppo.Update) float64 { return u.Loss(p.job.PPO.VFCoef) })
	for _, norm := range done.norms {
		result.GradNorm += norm / float64(len(done.norms))
	}
	result.Tokens, result.PeakMemoryBytes = done.tokens, p.runner.peakMemory()
	if c := p.job.PPO; c.AdapKLCtrl {
		p.state.KL.Adapt(result.Metrics["objective/kl"], c.Target, c.Horizon, len(episodes))
	}
	return result, p.sampled(ctx, step)
}

// rollBack puts the last healthy policy back and ends the run.
func (p *ppoRun) rollBack(step int64, alarms []ppo.Alarm) error {
	for _, alarm := range alarms {
		p.state.Stopped = append(p.state.Stopped, string(alarm))
	}
	p.runner.notice(fmt.Sprintf("step %d: stopped by the guard, back to policy %d", step, p.state.HealthyVersion))
	p.state.Version = p.state.HealthyVersion
	p.halt()
	return p.runner.Engine.Do(func() error { return p.policy.adapter.Replace(p.healthy) })
}

// rolloutOf sums the answers up for the guard. It takes the k1 estimate of the KL, which shows answers that the policy did not
// draw, and scores before any scaling.
func rolloutOf(episodes []*episode, ends bool) ppo.Rollout {
	r := ppo.Rollout{Scores: scoresOf(episodes), Ends: ends}
	n, tokens := float64(len(episodes)), 0.0
	for _, e := range episodes {
		for t, kl := range ppo.K1.Tokens(e.logProbs, e.ref) {
			r.KL += kl / n
			r.Entropy += e.entropy[t]
		}
		tokens += float64(len(e.answer))
		if e.ended {
			r.EOSRate += 1 / n
		}
	}
	r.Entropy /= tokens
	r.Length = tokens / n
	return r
}

// measure adds TRL's metrics under TRL's names, and response_length, eos_rate, explained_variance and kl_coef. Means over answers
// or mini-batches; sums over an answer's tokens in objective/kl, objective/entropy and objective/non_score_reward.
func (p *ppoRun) measure(m map[string]float64, episodes []*episode, done updates, rate float64) {
	p.measureAnswers(m, episodes)
	var returns, values []float64
	for _, e := range episodes {
		returns, values = append(returns, e.returns...), append(values, e.values...)
	}
	m["explained_variance"] = ppo.ExplainedVariance(returns, values)
	m["policy/approxkl_avg"] = done.mean(func(u ppo.Update) float64 { return u.ApproxKL() })
	m["policy/clipfrac_avg"] = done.mean(func(u ppo.Update) float64 { return u.PolicyClipped / u.Tokens })
	m["policy/entropy_avg"] = done.mean(func(u ppo.Update) float64 { return u.Entropy / u.Tokens })
	m["loss/policy_avg"] = done.mean(func(u ppo.Update) float64 { return u.PolicyLoss / u.Tokens })
	m["loss/value_avg"] = done.mean(func(u ppo.Update) float64 { return u.ValueLoss / u.Steps })
	m["val/clipfrac_avg"] = done.mean(func(u ppo.Update) float64 { return u.ValueClipped / u.Steps })
	m["val/ratio"] = done.mean(func(u ppo.Update) float64 { return u.Ratio / u.Tokens })
	m["val/ratio_var"] = variance(done.ratios())
	m["lr"], m["episode"] = rate, float64(p.state.Episodes)
	if done.stoppedByApproxKL {
		m["policy/early_stopped"] = 1
	}
}

// measureAnswers adds what is known of the answers before anything is learnt from them.
func (p *ppoRun) measureAnswers(m map[string]float64, episodes []*episode) {
	if p.scorers != nil {
		p.scorers.measure(m, episodes)
	}
	n := float64(len(episodes))
	for _, e := range episodes {
		for t, kl := range e.kl {
			m["objective/kl"] += kl / n
			m["objective/entropy"] -= e.logProbs[t] / n
		}
		m["objective/non_score_reward"] += e.nonScoring / n
		m["objective/scores"] += e.penalised / n
		m["response_length"] += float64(len(e.answer)) / n
		if e.ended {
			m["val/num_eos_tokens"]++
		}
	}
	m["objective/rlhf_reward"] = m["objective/non_score_reward"] + m["objective/scores"]
	m["objective/kl_coef"] = p.state.KL.Coefficient
	m["eos_rate"] = m["val/num_eos_tokens"] / n
}

// Evaluate implements train.Stepper. An iteration's table of samples is its evaluation; there is no held-out loss.
func (p *ppoRun) Evaluate(context.Context) (float64, error) {
	return 0, fault.New(fault.Invalid, "PPO has no held-out loss")
}
