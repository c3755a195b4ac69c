package ppo

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden is what tests/peer/ppo/golden.py writes: TRL's own lines, run over fixed tensors.
type golden struct {
	Versions    map[string]string     `json:"versions"`
	Cases       map[string]goldenCase `json:"cases"`
	Controllers []struct {
		KL          float64   `json:"kl"`
		Coefficient float64   `json:"coefficient"`
		Scores      []float64 `json:"scores"`
		Mean        float64   `json:"mean"`
		Var         float64   `json:"var"`
		Std         float64   `json:"std"`
	} `json:"controllers"`
}

type goldenCase struct {
	Given struct {
		Args struct {
			KLCoef            float64 `json:"kl_coef"`
			WhitenRewards     bool    `json:"whiten_rewards"`
			Gamma             float64 `json:"gamma"`
			Lam               float64 `json:"lam"`
			MissingEOSPenalty float64 `json:"missing_eos_penalty"`
			ClipRange         float64 `json:"cliprange"`
			ClipRangeValue    float64 `json:"cliprange_value"`
			VFCoef            float64 `json:"vf_coef"`
			Temperature       float64 `json:"temperature"`
			StopTokenID       int     `json:"stop_token_id"`
		} `json:"args"`
		Responses [][]int       `json:"responses"`
		Old       [][][]float64 `json:"old_logits"`
		Ref       [][][]float64 `json:"ref_logits"`
		New       [][][]float64 `json:"new_logits"`
		Values    [][]float64   `json:"values"`
		NewValues [][]float64   `json:"new_values"`
		Scores    []float64     `json:"scores"`
	} `json:"given"`
	Wanted struct {
		Lengths      []int         `json:"lengths"`
		LogProbs     [][]float64   `json:"logprobs"`
		RefLogProbs  [][]float64   `json:"ref_logprobs"`
		KL           [][]float64   `json:"kl"`
		Rewards      [][]float64   `json:"rewards"`
		Advantages   [][]float64   `json:"advantages"`
		Returns      [][]float64   `json:"returns"`
		PolicyLoss   float64       `json:"pg_loss"`
		ValueLoss    float64       `json:"vf_loss"`
		Loss         float64       `json:"loss"`
		ValueClipped float64       `json:"vf_clipfrac"`
		Clipped      float64       `json:"pg_clipfrac"`
		LogitsGrad   [][][]float64 `json:"logits_grad"`
		ValuesGrad   [][]float64   `json:"values_grad"`
	} `json:"wanted"`
}

// readGolden reads the committed file, or the one that a proof has just had made.
func readGolden(t *testing.T) golden {
	t.Helper()
	path := "testdata/golden.json"
	if made := os.Getenv("ELARA_PPO_GOLDEN"); made != "" {
		path = made
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.Len(t, g.Cases, 4)
	return g
}

// logSoftmax of one row of logits at a temperature.
func logSoftmax(logits []float64, temperature float64) []float64 {
	out, sum := make([]float64, len(logits)), 0.0
	for i, l := range logits {
		out[i] = l / (temperature + 1e-7)
		sum += math.Exp(out[i])
	}
	for i := range out {
		out[i] -= math.Log(sum)
	}
	return out
}

func TestFormulasAreTRLs(t *testing.T) {
	const bound = 1e-6
	g := readGolden(t)
	worst := 0.0
	for name, c := range g.Cases {
		t.Run(name, func(t *testing.T) {
			near := func(want, got float64, what string, at ...int) {
				worst = max(worst, math.Abs(want-got))
				require.InDelta(t, want, got, bound, "%s %v", what, at)
			}
			a, window := c.Given.Args, len(c.Given.Responses[0])
			var logProbs, values, rewards, advantages, returns [][]float64
			tokens, steps := 0.0, 0.0
			for n, response := range c.Given.Responses {
				length := slices.Index(response, a.StopTokenID) + 1
				ended := length > 0
				if !ended {
					length = window
				}
				require.Equal(t, c.Wanted.Lengths[n], length)
				var own, other []float64
				for at, id := range response[:length] {
					own = append(own, logSoftmax(c.Given.Old[n][at], a.Temperature)[id])
					other = append(other, logSoftmax(c.Given.Ref[n][at], a.Temperature)[id])
					near(c.Wanted.LogProbs[n][at], own[at], "log p", n, at)
					near(c.Wanted.RefLogProbs[n][at], other[at], "log ref", n, at)
				}
				kl := K1.Tokens(own, other)
				for at := range kl {
					near(c.Wanted.KL[n][at], kl[at], "kl", n, at)
				}
				logProbs = append(logProbs, own)
				values = append(values, c.Given.Values[n][:min(length+1, window)])
				rewards = append(rewards, Rewards(kl, a.KLCoef, Penalised(c.Given.Scores[n], a.MissingEOSPenalty, ended), len(values[n])))
				tokens, steps = tokens+float64(length), steps+float64(len(values[n]))
			}
			if a.WhitenRewards {
				require.NoError(t, Whiten(rewards, false))
			}
			for n := range rewards {
				adv, ret := Advantages(rewards[n], values[n], a.Gamma, a.Lam)
				for at := range ret {
					near(c.Wanted.Rewards[n][at], rewards[n][at], "reward", n, at)
					near(c.Wanted.Returns[n][at], ret[at], "return", n, at)
				}
				advantages, returns = append(advantages, adv[:len(logProbs[n])]), append(returns, ret)
			}
			require.NoError(t, Whiten(advantages, true))
			var u Update
			for n, response := range c.Given.Responses {
				for at := range window {
					// Beyond the answer's end TRL masks, and here nothing is.
					slope, now, id := 0.0, logSoftmax(c.Given.New[n][at], a.Temperature), response[at]
					if at < len(logProbs[n]) {
						near(c.Wanted.Advantages[n][at], advantages[n][at], "advantage", n, at)
						token := Policy(now[id], logProbs[n][at], advantages[n][at], a.ClipRange)
						u.Policy(token, now[id], logProbs[n][at], 0)
						slope = token.Slope / tokens
					}
					for v, logp := range now {
						hit := 0.0
						if v == id {
							hit = 1
						}
						near(c.Wanted.LogitsGrad[n][at][v], slope*(hit-math.Exp(logp))/(a.Temperature+1e-7), "gradient by a logit", n, at, v)
					}
					slope = 0
					if at < len(values[n]) {
						token := Value(c.Given.NewValues[n][at], values[n][at], returns[n][at], a.ClipRangeValue)
						u.Value(token)
						slope = a.VFCoef * token.Slope / steps
					}
					near(c.Wanted.ValuesGrad[n][at], slope, "gradient by a value", n, at)
				}
			}
			near(c.Wanted.PolicyLoss, u.PolicyLoss/u.Tokens, "policy loss")
			near(c.Wanted.ValueLoss, u.ValueLoss/u.Steps, "value loss")
			near(c.Wanted.Loss, u.Loss(a.VFCoef), "loss")
			near(c.Wanted.Clipped, u.PolicyClipped/u.Tokens, "clipped")
			near(c.Wanted.ValueClipped, u.ValueClipped/u.Steps, "values clipped")
			require.NotZero(t, u.PolicyClipped)
			require.NotZero(t, u.ValueClipped)
		})
	}
	controller, moments := Controller{Coefficient: 0.2}, NewMoments()
	for i, step := range g.Controllers {
		controller.Adapt(step.KL, 6, 10000, 64)
		moments.Update(step.Scores)
		for what, pair := range map[string][2]float64{
			"coefficient": {step.Coefficient, controller.Coefficient}, "mean": {step.Mean, moments.Mean}, "var": {step.Var, moments.Var}, "std": {step.Std, moments.Std},
		} {
			worst = max(worst, math.Abs(pair[0]-pair[1])/math.Abs(pair[0]))
			require.InEpsilon(t, pair[0], pair[1], bound, "%s after update %d", what, i+1)
		}
	}
	t.Logf("%d cases with TRL %s, largest difference %.2g", len(g.Cases), g.Versions["trl"], worst)
}
