package ppo

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func draws(n int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 0))
	out := make([]float64, n)
	for i := range out {
		out[i] = random.NormFloat64()
	}
	return out
}

func TestPolicyEqualToReferenceHasNoKLAndOneReward(t *testing.T) {
	logProbs := []float64{-1, -0.5, -2}
	for _, e := range []Estimator{K1, K3} {
		kl := e.Tokens(logProbs, logProbs)
		require.Equal(t, []float64{0, 0, 0}, kl)
		require.Equal(t, []float64{0, 0, 0, 2.5}, Rewards(kl, 0.1, 2.5, 4), "after the end of an answer that ended early")
		require.Equal(t, []float64{0, 0, 2.5}, Rewards(kl, 0.1, 2.5, 3), "at the last token of one that fills the window")
	}
}

// By hand: log p - log ref = 0.5, so k1 = 0.5 and k3 = e^-0.5 + 0.5 - 1.
func TestEstimators(t *testing.T) {
	require.InDelta(t, 0.5, K1.Tokens([]float64{-1}, []float64{-1.5})[0], 1e-15)
	require.InDelta(t, 0.6065306597126334-0.5, K3.Tokens([]float64{-1}, []float64{-1.5})[0], 1e-15)
	logProbs, ref := draws(100, 1), draws(100, 2)
	for _, kl := range K3.Tokens(logProbs, ref) {
		require.GreaterOrEqual(t, kl, 0.0)
	}
}

func TestAdvantagesAreTheSumsOfDeltas(t *testing.T) {
	const gamma, lam = 0.97, 0.9
	rewards, values := draws(9, 3), draws(9, 4)
	advantages, returns := Advantages(rewards, values, gamma, lam)
	for t0 := range rewards {
		want := 0.0
		for k := t0; k < len(rewards); k++ {
			next := 0.0
			if k+1 < len(values) {
				next = values[k+1]
			}
			want += math.Pow(gamma*lam, float64(k-t0)) * (rewards[k] + gamma*next - values[k])
		}
		require.InDelta(t, want, advantages[t0], 1e-12)
		require.InDelta(t, want+values[t0], returns[t0], 1e-12)
	}
}

func TestAdvantagesWithoutDiscountAreMonteCarlo(t *testing.T) {
	rewards, values := draws(9, 5), draws(9, 6)
	advantages, returns := Advantages(rewards, values, 1, 1)
	sum := 0.0
	for at := len(rewards) - 1; at >= 0; at-- {
		sum += rewards[at]
		require.InDelta(t, sum-values[at], advantages[at], 1e-12)
		require.InDelta(t, sum, returns[at], 1e-12)
	}
}

// By hand: the mean of 1, 2, 6 is 3, the sum of squares 14, the variance with Bessel's correction 7, without it 14/3.
func TestWhiteningHasBesselsCorrection(t *testing.T) {
	rows := [][]float64{{1}, {2, 6}}
	require.NoError(t, Whiten(rows, true))
	for i, want := range []float64{-2, -1, 3} {
		require.InDelta(t, want/math.Sqrt(7), append(rows[0], rows[1]...)[i], 1e-8)
	}
	kept := [][]float64{{1}, {2, 6}}
	require.NoError(t, Whiten(kept, false))
	require.InDelta(t, -2/math.Sqrt(7)+3, kept[0][0], 1e-8)
	require.Equal(t, fault.Invalid, fault.KindOf(Whiten([][]float64{{1}}, true)))
}

func TestConstantRewardIsWhitenedAway(t *testing.T) {
	rows := [][]float64{{2, 2}, {2}}
	require.NoError(t, Whiten(rows, true))
	require.Equal(t, [][]float64{{0, 0}, {0}}, rows)
}

func TestFirstMiniBatchHasRatioOne(t *testing.T) {
	var u Update
	for i, logp := range draws(50, 7) {
		token := Policy(logp, logp, draws(50, 8)[i], 0.2)
		require.False(t, token.Clipped)
		u.Policy(token, logp, logp, 1)
		u.Value(Value(logp, logp, 0.3, 0.2))
	}
	require.Equal(t, 1.0, u.Ratio/u.Tokens)
	require.Zero(t, u.ApproxKL())
	require.Zero(t, u.PolicyClipped+u.ValueClipped)
}

func TestSlopesAreFiniteDifferences(t *testing.T) {
	const h = 1e-6
	values, earlier, other := draws(200, 9), draws(200, 10), draws(200, 11)
	for i := range values {
		now, was := values[i]*0.3, earlier[i]*0.3
		for name, f := range map[string]func(x float64) Token{
			"policy": func(x float64) Token { return Policy(x, was, other[i], 0.2) },
			"value":  func(x float64) Token { return Value(x, was, other[i], 0.2) },
		} {
			numeric := (f(now+h).Loss - f(now-h).Loss) / (2 * h)
			require.InDelta(t, numeric, f(now).Slope, 1e-4*max(1, math.Abs(numeric)), "%s %d", name, i)
		}
	}
}

func TestAdaptiveControllerFollowsTheTarget(t *testing.T) {
	c := Controller{Coefficient: 0.2}
	c.Adapt(60, 6, 1000, 100) // ten times the target counts as 1.2 times: 1 + 0.2 * 100/1000
	require.InDelta(t, 0.2*1.02, c.Coefficient, 1e-12)
	c.Adapt(0, 6, 1000, 100)
	require.InDelta(t, 0.2*1.02*0.98, c.Coefficient, 1e-12)
}

func TestScoresAreClippedAndPenalised(t *testing.T) {
	require.Equal(t, 3.0, Clipped(7, 3))
	require.Equal(t, -3.0, Clipped(-7, 3))
	require.Equal(t, 7.0, Clipped(7, 0))
	require.Equal(t, 2.0, Penalised(2, 1, true))
	require.Equal(t, 1.0, Penalised(2, 1, false))
}

// Two batches give the moments of both together.
func TestMomentsAreThoseOfAllScores(t *testing.T) {
	all := draws(30, 12)
	m := NewMoments()
	m.Update(all[:10])
	m.Update(all[10:])
	mean, std := meanAndStd(all)
	require.InDelta(t, mean, m.Mean, 1e-12)
	require.InDelta(t, std*std, m.Var, 1e-12)
	require.InDelta(t, std*math.Sqrt(30.0/29), m.Std, 1e-12)
	require.InDelta(t, 0, m.Scaled(mean, true), 1e-12)
}

func TestExplainedVariance(t *testing.T) {
	returns := draws(20, 13)
	require.InDelta(t, 1, ExplainedVariance(returns, returns), 1e-12)
	require.InDelta(t, 0, ExplainedVariance(returns, make([]float64, 20)), 1e-12)
	require.Zero(t, ExplainedVariance([]float64{1, 1}, []float64{0, 1}))
}
