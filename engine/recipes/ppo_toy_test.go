//go:build torch

package recipes

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/ppo"
	"elara/spec"
)

// tail is the mean of the last fifth of a curve.
func tail(curve []float64) (mean float64) {
	last := curve[len(curve)*4/5:]
	for _, v := range last {
		mean += v / float64(len(last))
	}
	return mean
}

// The optimum is known: all of an answer's tokens are the one that counts, or one of them is.
func TestToyRewardReachesItsOptimum(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	toys := []struct {
		name    string
		reward  Reward
		optimum float64
	}{{"count of a token", count(2), 8}, {"contains a token", contains(7), 1}}
	reached, all, least := 0, 0, 1.0
	var curves []course
	for _, toy := range toys[:sized(1, len(toys))] {
		for seed := range sized[int64](1, 5) {
			job := ppoJob(t, dir, sized[int64](40, 60))
			job.Args.Seed, job.PPO.KLCoef = 1+seed, 0.01
			_, o := reinforced(t, r, job, toy.reward)
			scores := o.curve("objective/scores")
			for i := range scores {
				scores[i] /= toy.optimum
			}
			curves = append(curves, course{fmt.Sprintf("%s, seed %d", toy.name, job.Args.Seed), scores})
			end := tail(scores)
			t.Logf("%s, seed %d: %.1f %% of the optimum, %.1f %% at the beginning", toy.name, job.Args.Seed, 100*end, 100*scores[0])
			if all++; end >= 0.95 {
				reached++
			}
			least = min(least, end)
		}
	}
	draw(t, curves)
	require.Less(t, curves[0].values[0], 0.3)
	t.Logf("figure: %d of %d runs at 95 %% of the optimum, the poorest at %.1f %%", reached, all, 100*least)
	require.Equal(t, all, reached)
}

// course is one line of a drawing.
type course struct {
	name   string
	values []float64 // shares of the optimum, by iteration
}

// draw writes courses as an SVG where a proof asks for one.
func draw(t *testing.T, courses []course) {
	t.Helper()
	path := os.Getenv("ELARA_PPO_CURVES")
	if path == "" {
		return
	}
	const width, height, left, top = 720.0, 320.0, 48.0, 16.0
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %v %v" font-family="sans-serif" font-size="12">`+"\n", width+2*left, height+64)
	fmt.Fprintf(&svg, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 0.95, 1} {
		y := top + height*(1-share)
		fmt.Fprintf(&svg, `<path d="M%v %.1fH%v" stroke="#ddd"/><text x="4" y="%.1f">%.0f %%</text>`+"\n", left, y, left+width, y+4, 100*share)
	}
	for i, c := range courses {
		fmt.Fprintf(&svg, `<polyline fill="none" stroke="%s" points="`, []string{"#1f77b4", "#d62728"}[2*i/len(courses)])
		for at, v := range c.values {
			fmt.Fprintf(&svg, "%.1f,%.1f ", left+width*float64(at)/float64(len(c.values)-1), top+height*(1-v))
		}
		fmt.Fprintf(&svg, `"><title>%s</title></polyline>`+"\n", c.name)
	}
	fmt.Fprintf(&svg, `<text x="%v" y="%v">mean score as a share of the optimum, over %d iterations: count of a token (blue), contains a token (red)</text></svg>`+"\n",
		left, top+height+32, len(courses[0].values))
	require.NoError(t, os.WriteFile(path, []byte(svg.String()), 0o644))
}

// With answers of one token the best policy is known in closed form: ref * e^(score / beta), made to sum to 1.
func TestBanditFindsTheClosedForm(t *testing.T) {
	const beta = 0.5
	r := newRunner(t)
	dir := toyModel(t, r)
	scores := make([]float64, toyEnd+1)
	for token := range scores {
		scores[token] = math.Sin(float64(3 * token)) // any
	}
	job := ppoJob(t, dir, 0)
	job.TrainDataPath = textsFile(t, "abcd")
	job.Args.Seed, job.Args.LearningRate, job.PPO.NumMiniBatches = 1, 5e-3, 1
	job.PPO.ResponseLength, job.PPO.NumGenerations, job.Args.PerDeviceTrainBatchSize, job.Args.GradientAccumulationSteps = 1, 256, 256, 1
	job.PPO.TotalEpisodes, job.PPO.LocalRolloutForwardBatchSize, job.PPO.KLCoef = sized[int64](20, 40)*256, 256, beta
	_, _ = reinforced(t, r, job, each(func(answer []int32) float64 { return scores[answer[0]] }))
	ref := nextToken(t, r, dir, "", []int32{0, 1, 2, 3})
	got := nextToken(t, r, dir, job.OutputDir, []int32{0, 1, 2, 3})
	want, sum := make([]float64, len(ref)), 0.0
	for token := range ref {
		want[token] = ref[token] * math.Exp(scores[token]/beta)
		sum += want[token]
	}
	distance, before := 0.0, 0.0
	for token := range want {
		distance += math.Abs(want[token]/sum-got[token]) / 2
		before += math.Abs(want[token]/sum-ref[token]) / 2
	}
	require.Greater(t, before, 0.2)
	t.Logf("figure: total variation %.3f, %.3f before", distance, before)
	require.LessOrEqual(t, distance, 0.05)
}

// nextToken is the distribution after a prompt, under an adapter or the base.
func nextToken(t *testing.T, r *Runner, dir, adapter string, prompt []int32) []float64 {
	t.Helper()
	p := make([]float64, toyEnd+1)
	require.NoError(t, r.open(t.Context(), dir, adapter, func(b *base, slot int) error {
		return r.Engine.Do(func() error {
			for token := range p {
				logProbs := logProbs(r.Engine, b.model, slot, append(slices.Clone(prompt), int32(token)))
				p[token] = math.Exp(float64(logProbs[len(prompt)-1]))
			}
			return nil
		})
	}))
	return p
}

// A token counts so little that the least beta matters.
func TestGreaterBetaHoldsThePolicyNearer(t *testing.T) {
	const worth = 0.05
	r := newRunner(t)
	dir := toyModel(t, r)
	little := func(ctx context.Context, prompts, answers [][]int32) ([]float64, error) {
		scores, err := count(2)(ctx, prompts, answers)
		for i := range scores {
			scores[i] *= worth
		}
		return scores, err
	}
	var kls, scores []float64
	for _, beta := range sized([]float64{0, 1}, []float64{0, 0.01, 0.05, 0.2, 1}) {
		job := ppoJob(t, dir, 30)
		job.PPO.KLCoef, job.PPO.NumGenerations, job.Args.PerDeviceTrainBatchSize = beta, 8, 16
		job.PPO.TotalEpisodes *= 2
		_, o := reinforced(t, r, job, little)
		kls, scores = append(kls, tail(o.curve("objective/kl"))), append(scores, tail(o.curve("objective/scores"))/worth)
		t.Logf("beta %v: KL %.3f, score %.3f", beta, kls[len(kls)-1], scores[len(scores)-1])
	}
	for i := 1; i < len(kls); i++ {
		require.Less(t, kls[i], kls[i-1])
	}
	require.Less(t, scores[len(scores)-1], scores[0]/4)

	// Nothing holds the policy: it says one thing, and the guard says so and goes back.
	job := ppoJob(t, dir, 30)
	job.PPO.KLCoef, job.PPO.Guard = 0, spec.PPOGuard{MaxKL: 15, Patience: 2}
	outcome, o := reinforced(t, r, job, count(2))
	require.True(t, outcome.StoppedEarly)
	require.Contains(t, outcome.Alarms, string(ppo.AlarmKL))
	require.Less(t, outcome.PolicyVersion, outcome.Step-1)
	require.Equal(t, string(o.saved[outcome.PolicyVersion].Files[adapterFile]), folderBytes(t, job.OutputDir)[adapterFile])
	t.Logf("figure: KL %.2f", kls)
}

func TestMissingEOSPenaltyTeachesToStop(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 40)
	job.PPO.StopToken, job.PPO.MissingEOSPenalty, job.PPO.KLCoef = spec.StopTokenEOS, 1, 0.01
	_, o := reinforced(t, r, job, constant(0))
	rates := o.curve("eos_rate")
	t.Logf("figure: EOS rate %.3f, %.3f at the beginning", tail(rates), rates[0])
	require.Less(t, rates[0], 0.8)
	require.GreaterOrEqual(t, tail(rates), 0.95)
}
