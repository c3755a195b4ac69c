//go:build torch

package recipes

import (
	"context"
	"slices"

	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/ppo"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// episode is one answer to a prompt and what is known of it.
type episode struct {
	prompt, answer []int32
	row            nn.Row // both; the answer is supervised
	ended          bool   // by itself

	logProbs, entropy, ref []float64 // [tokens of the answer]
	values                 []float64 // [steps]
	score                  float64   // as it was judged
	parts                  []float64 // what each scorer of the job said; nil where there are none

	kl, rewards           []float64
	advantages, returns   []float64
	penalised, nonScoring float64 // the score that counts, and the sum of the KL rewards
}

func newEpisode(prompt, answer []int32, ended bool) *episode {
	return &episode{prompt: prompt, answer: answer, row: supervisedFrom(slices.Concat(prompt, answer), len(prompt)), ended: ended}
}

// steps is how many steps the answer has: one after its end too, where it ended before the window did.
func (e *episode) steps(window int) int { return min(len(e.answer)+1, window) }

// laid is some episodes packed into one stream: at[n][t] says which of the pass's predictions is token t of answer n.
type laid struct {
	*nn.Pass
	at [][]int
}

// episodeRows are the rows of episodes.
func episodeRows(episodes []*episode) []nn.Row {
	rows := make([]nn.Row, len(episodes))
	for n, e := range episodes {
		rows[n] = e.row
	}
	return rows
}

// lay packs episodes. Prompts, and what answers begin with alike, are computed once.
func lay(episodes []*episode) laid {
	pass := nn.Pack(episodeRows(episodes), leastShared)
	return laid{pass, placesOf(pass)}
}

// through is the pass with an adapter on. Dropout is off, here and in the update: else old and new log-probabilities would not
// be of one policy.
func (l laid) through(slot int) *nn.Pass {
	pass := *l.Pass
	pass.Adapter = slot
	return &pass
}

// distribution is loss.LogProbs at the temperature of the answers.
func (p *ppoRun) distribution(pass *nn.Pass, slopes bool) (hidden, logProbs, entropy, slope *tensor.Tensor) {
	return loss.LogProbs(p.model, pass, p.temperature(), slopes)
}

// temperature is TRL's: never quite zero. Old, new and reference log-probabilities are all taken at it.
func (p *ppoRun) temperature() float64 { return p.job.PPO.Temperature + 1e-7 }

// valueRows are the rows of the stream at which values are read: before each token of each answer, and at each answer's end.
func (l laid) valueRows() []int64 { return slices.Concat(l.At, l.Last) }

// valuesOf picks an answer's values, [steps], out of those at valueRows.
func (l laid) valuesOf(n, steps int, all []float32) []float64 {
	values := pick(all, l.at[n])
	if steps > len(values) {
		values = append(values, float64(all[len(l.At)+n]))
	}
	return values
}

func pick(all []float32, at []int) []float64 {
	out := make([]float64, len(at))
	for t, i := range at {
		out[t] = float64(all[i])
	}
	return out
}

// inChunks runs f over so many episodes at a time, as forward does.
func (p *ppoRun) inChunks(ctx context.Context, episodes []*episode, f func(chunk []*episode, l laid)) error {
	through := forward{engine: p.runner.Engine, adapter: nn.NoAdapter, batch: p.job.PPO.LocalRolloutForwardBatchSize}
	return through.over(ctx, episodeRows(episodes), func(first int, pass *nn.Pass) {
		f(episodes[first:first+len(pass.Last)], laid{pass, placesOf(pass)})
	})
}

// generate answers prompts under an adapter. The draws are a function of the seed and a prompt's place among them.
func (p *ppoRun) generate(ctx context.Context, slot int, prompts [][]int32, temperature float64, seed tensor.Key) ([]*episode, error) {
	requests := make([]sample.Request, len(prompts))
	for n, prompt := range prompts {
		requests[n] = sample.Request{
			Prompt: prompt, Adapter: slot, Stream: uint64(n),
			Options: sample.Options{MaxNewTokens: p.job.PPO.ResponseLength, Temperature: temperature, Seed: uint64(seed), Stop: p.stop},
		}
	}
	episodes := make([]*episode, len(prompts))
	err := p.runner.generate(ctx, p.model, p.job.PPO.LocalRolloutForwardBatchSize, requests, func(n int, s *sample.Sequence) error {
		episodes[n] = newEpisode(s.Prompt, s.Tokens, s.End == sample.Stopped)
		return nil
	})
	return episodes, err
}

// judged fills in the scores.
func (p *ppoRun) judged(ctx context.Context, episodes []*episode) error {
	if err := p.rewardedBy(ctx, episodes); err != nil || p.scorers == nil {
		return err
	}
	return p.scorers.score(ctx, episodes, func(ids []int32) string { return p.base.tok.Decode(ids, true) })
}

// rewardedBy fills in what the reward model says, or what stands in its place.
func (p *ppoRun) rewardedBy(ctx context.Context, episodes []*episode) error {
	switch {
	case p.reward == nil && p.judge == nil: // scorers alone
		return nil
	case p.reward == nil:
		scores, err := scoreRows(ctx, p.runner.Engine, p.model, p.judge.Slot(), p.judge.Score, episodeRows(episodes), p.job.PPO.LocalRolloutForwardBatchSize)
		for n, score := range scores {
			episodes[n].score = score
		}
		return err
	}
	prompts, answers := make([][]int32, len(episodes)), make([][]int32, len(episodes))
	for n, e := range episodes {
		prompts[n], answers[n] = e.prompt, e.answer
	}
	scores, err := p.reward(ctx, prompts, answers)
	if err != nil {
		return err
	}
	if len(scores) != len(episodes) {
		return fault.New(fault.Invalid, "the reward gave %d scores for %d answers", len(scores), len(episodes))
	}
	for n, e := range episodes {
		e.score = scores[n]
	}
	return nil
}

// rollout draws the answers of an iteration and measures them under the policy that drew them, its reference and the value
// function.
func (p *ppoRun) rollout(ctx context.Context, step int64, prompts []int) ([]*episode, error) {
	var asked [][]int32
	for _, n := range prompts {
		for range p.job.PPO.NumGenerations {
			asked = append(asked, p.prompts[n])
		}
	}
	seed := tensor.Key(uint64(p.job.Args.Seed)).Named("rollout").Derive(uint64(step))
	episodes, err := p.generate(ctx, p.policy.adapter.Slot(), asked, p.temperature(), seed)
	if err != nil {
		return nil, err
	}
	err = p.inChunks(ctx, episodes, func(chunk []*episode, l laid) {
		_, logProbs, entropy, _ := p.distribution(l.through(p.policy.adapter.Slot()), false)
		_, ref, _, _ := p.distribution(l.through(p.reference), false)
		values := p.value.adapter.Score.Forward(model.Hidden(p.model, l.through(p.value.adapter.Slot())), l.valueRows())
		own, other, uncertain, worth := logProbs.Float32s(), ref.Float32s(), entropy.Float32s(), values.Float32s()
		for n, e := range chunk {
			e.logProbs, e.entropy, e.ref = pick(own, l.at[n]), pick(uncertain, l.at[n]), pick(other, l.at[n])
			e.values = l.valuesOf(n, e.steps(p.job.PPO.ResponseLength), worth)
		}
	})
	if err != nil {
		return nil, err
	}
	return episodes, p.judged(ctx, episodes)
}

// rewarded turns scores into rewards, and moves the normaliser of scores.
func (p *ppoRun) rewarded(episodes []*episode) {
	c := p.job.PPO
	if c.UseScoreScaling || c.UseScoreNorm {
		p.state.Scores.Update(scoresOf(episodes))
	}
	for _, e := range episodes {
		score := e.score
		if c.UseScoreScaling {
			score = p.state.Scores.Scaled(score, c.UseScoreNorm)
		}
		e.penalised = ppo.Penalised(ppo.Clipped(score, c.ScoreClip), c.MissingEOSPenalty, e.ended)
		e.kl = ppo.Estimator(c.KLEstimator).Tokens(e.logProbs, e.ref)
		for _, kl := range e.kl {
			e.nonScoring -= p.state.KL.Coefficient * kl
		}
		e.rewards = ppo.Rewards(e.kl, p.state.KL.Coefficient, e.penalised, len(e.values))
	}
}

// advantages turns scores into what the update learns from.
func (p *ppoRun) advantages(episodes []*episode) error {
	p.rewarded(episodes)
	c := p.job.PPO
	rewards, advantages := make([][]float64, len(episodes)), make([][]float64, len(episodes))
	for n, e := range episodes {
		rewards[n] = e.rewards
	}
	if c.WhitenRewards {
		if err := ppo.Whiten(rewards, false); err != nil {
			return err
		}
	}
	for n, e := range episodes {
		e.advantages, e.returns = ppo.Advantages(e.rewards, e.values, c.Gamma, c.Lam)
		e.advantages = e.advantages[:len(e.answer)] // the step after the end has no token to learn
		advantages[n] = e.advantages
	}
	return ppo.Whiten(advantages, true)
}

func scoresOf(episodes []*episode) []float64 {
	scores := make([]float64, len(episodes))
	for n, e := range episodes {
		scores[n] = e.score
	}
	return scores
}
