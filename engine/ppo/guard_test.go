package ppo

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

var bounds = spec.PPOGuard{MaxKL: 10, MaxNegativeKL: 1, MaxRewardDrop: 3, MinEntropyShare: 0.1, MaxLengthFactor: 2, MinEOSRate: 0.5, Patience: 2}

func calm() Rollout {
	return Rollout{KL: 1, Scores: []float64{0, 1, 2}, Entropy: 2, Length: 20, EOSRate: 0.9, Ends: true}
}

func TestGuardNamesWhatIsWrongAndStopsAtTheSecond(t *testing.T) {
	for alarm, change := range map[Alarm]func(*Rollout){
		AlarmKL:       func(r *Rollout) { r.KL = 11 },
		AlarmNegative: func(r *Rollout) { r.KL = -1.5 },
		AlarmReward:   func(r *Rollout) { r.Scores = []float64{-3, -2, -1} },
		AlarmEntropy:  func(r *Rollout) { r.Entropy = 0.1 },
		AlarmLength:   func(r *Rollout) { r.Length = 41 },
		AlarmEOS:      func(r *Rollout) { r.EOSRate = 0.4 },
	} {
		t.Run(string(alarm), func(t *testing.T) {
			var g Guard
			alarms, stop := g.Watch(calm(), bounds)
			require.Empty(t, alarms)
			require.False(t, stop)
			wrong := calm()
			change(&wrong)
			alarms, stop = g.Watch(wrong, bounds)
			require.Equal(t, []Alarm{alarm}, alarms)
			require.False(t, stop)
			_, stop = g.Watch(wrong, bounds)
			require.True(t, stop)
			_, stop = g.Watch(calm(), bounds)
			require.False(t, stop, "one within the bounds starts the count again")
			require.Zero(t, g.InRow)

			alarms, stop = (&Guard{Seen: true, Mean: 1, Std: 1, Entropy: 2, Length: 20}).Watch(wrong, spec.PPOGuard{Patience: 1})
			require.Empty(t, alarms, "a bound of 0 is left out")
			require.False(t, stop)
		})
	}
}

func TestShortAnswersAreADriftToo(t *testing.T) {
	g := Guard{}
	g.Watch(calm(), bounds)
	short := calm()
	short.Length = 9
	alarms, _ := g.Watch(short, bounds)
	require.Equal(t, []Alarm{AlarmLength}, alarms)
}

func TestScoreThatIsNoNumberStopsAtOnce(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		wrong := calm()
		wrong.Scores[1] = bad
		alarms, stop := (&Guard{}).Watch(wrong, spec.PPOGuard{})
		require.Equal(t, []Alarm{AlarmNaN}, alarms)
		require.True(t, stop)
	}
}

func TestConstantScoresAndNoEndAreNamedButStopNothing(t *testing.T) {
	r := calm()
	r.Scores, r.EOSRate = []float64{1, 1, 1}, 0
	g := Guard{}
	for range 5 {
		alarms, stop := g.Watch(r, spec.PPOGuard{Patience: 1})
		require.Equal(t, []Alarm{AlarmNoEOS, AlarmConstant}, alarms)
		require.False(t, stop)
	}
	r.Ends = false
	alarms, _ := g.Watch(r, spec.PPOGuard{Patience: 1})
	require.Equal(t, []Alarm{AlarmConstant}, alarms, "nothing ends an answer by design")
}
