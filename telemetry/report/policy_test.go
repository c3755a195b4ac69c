package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/telemetry/series"
)

// reinforcedCurve is a policy that the guard ends after four iterations.
func reinforcedCurve() series.Curve {
	points := make([]series.Point, 4)
	for i, m := range []struct{ kl, score float64 }{{0, 1}, {2, 3}, {4, 2}, {8, 2}} {
		points[i], _ = series.Of(spec.Progress{
			Step: int64(i + 1), LoggedStep: int64(i + 1), LoggedLoss: -0.5, Metrics: map[string]float64{"objective/kl": m.kl, "objective/scores": m.score},
		}, points[i].At)
	}
	alarm := func(step int, names ...string) {
		for _, name := range names {
			points[step-1].Values = append(points[step-1].Values, series.Value{Key: series.Metric(name), Number: 1})
		}
	}
	alarm(3, "alarm/kl_over_bound")
	alarm(4, "alarm/kl_over_bound", "alarm/length_drift", "guard/stopped")
	return series.Curve{Run: series.Run{Adapter: "patient-ppo"}, Points: points}
}

// By hand: the KL's axis goes from 0 to 8 over 486 units from 62 on, the reward's from 1 to 3 over 222 units up from 240.
func TestRewardIsDrawnAtItsKL(t *testing.T) {
	c, found := rewardAtKL([]series.Curve{reinforcedCurve()})
	require.True(t, found)
	require.Equal(t, "M62.0 240.0L183.5 18.0L305.0 129.0L548.0 129.0", c.Lines[0].Path)
	require.Equal(t, "patient-ppo, step 2: reward 3 at a KL of 2", c.Lines[0].Dots[1].Says)
	require.Equal(t, []warning{
		{0, 305, 129, false, "patient-ppo, step 3: alarm kl_over_bound"},
		{0, 548, 129, true, "patient-ppo, step 4: alarm kl_over_bound, length_drift; the guard ended the run here and put the last healthy policy back"},
	}, c.Warnings)
	_, found = rewardAtKL(curves(t))
	require.False(t, found)
}

// A policy beside an adapter of 40 steps: its charts end with it, and its loss is not drawn beside one of tokens.
func TestPolicyHasItsOwnCharts(t *testing.T) {
	got, err := Page("demo-1", append(curves(t), reinforcedCurve()))
	require.NoError(t, err)
	page := string(got)
	require.Contains(t, page, "Reward over 4 steps: patient-ppo ends at 2.")
	require.Contains(t, page, "KL from the reference over 4 steps: patient-ppo ends at 8.")
	require.Contains(t, page, "Training loss over 40 steps: doctor ends at 1, a &lt;patient&gt; &amp; co ends at 1.25.")
	require.Contains(t, page, "<dt>reward</dt><dd><b>2</b> <span>from 1</span>")
	require.Contains(t, page, "<dt>guard</dt><dd><b>stopped</b> <span>at step 4: kl_over_bound, length_drift</span>")
	require.Contains(t, page, "<dt>alarms</dt><dd><b>2</b> <span>steps</span>")
	require.Contains(t, page, `<th scope="col">train/objective/kl</th>`)
	require.Equal(t, 4, strings.Count(page, `<path class="stop"`), "in each chart of the policy: reward at KL, reward, KL, learning rate")
	requireWellFormed(t, page, 3+7, "three swatches; loss, held-out loss, speed, and the policy's four")
	require.NotContains(t, page, "ZgotmplZ")
}

func TestSamplesShowTheLeastAndTheMostRewarded(t *testing.T) {
	var samples []spec.PPOSample
	for i := range 22 {
		samples = append(samples, spec.PPOSample{Step: 5, Prompt: fmt.Sprintf("question %d?", i), Before: "a<script>", After: fmt.Sprintf("answer %d.", i), ScoreBefore: 1, ScoreAfter: float64(-i)})
	}
	samples = append(samples, spec.PPOSample{Step: 10, Prompt: "last?", After: "yes", ScoreBefore: 0.25, ScoreAfter: 0.5})
	got, err := PolicyPage("policy", reinforcedCurve(), samples)
	require.NoError(t, err)
	page := string(got)
	require.Contains(t, page, "<summary>after step 5 <span>22 answers, mean reward 1 before, -10.5 after</span>")
	require.Contains(t, page, "<details open>\n<summary>after step 10 <span>1 answers, mean reward 0.25 before, 0.5 after</span>")
	require.Contains(t, page, "<td>last?</td><td>(nothing)</td><td>0.25</td><td>yes</td><td>0.5</td>")
	require.NotContains(t, page, "a<script>")
	require.Contains(t, page, "a&lt;script&gt;")
	require.Contains(t, page, "2 answers between these are not shown")
	require.NotContains(t, page, "answer 10.")
	require.NotContains(t, page, "answer 11.")
	require.Less(t, strings.Index(page, "answer 21."), strings.Index(page, "answer 12."))
	require.Less(t, strings.Index(page, "answer 12."), strings.Index(page, "answer 9."))
	require.Less(t, strings.Index(page, "answer 9."), strings.Index(page, "answer 0."))

	without, err := PolicyPage("policy", reinforcedCurve(), nil)
	require.NoError(t, err)
	require.NotContains(t, string(without), "Sample answers")
}

// By hand: probabilities from 1/2 to 1 lie over 486 units from 62 on, shares over 222 units up from 240.
func TestCalibrationIsDrawnWithItsIntervals(t *testing.T) {
	report := spec.RewardReport{Center: 0.125, Pairs: 90, HeldOut: &spec.HeldOutPairs{
		Pairs: 8, Right: 6, Accuracy: spec.Estimate{Value: 0.75, Low: 0.4, High: 0.9}, CalibrationError: 0.0625,
		Calibration: []spec.Band{
			{From: 0.5, To: 0.55},
			{From: 0.75, To: 0.8, Pairs: 2, Predicted: 0.75, Observed: spec.Estimate{Value: 0.5, Low: 0.1, High: 0.9}},
			{From: 0.95, To: 1, Pairs: 6, Predicted: 1, Observed: spec.Estimate{Value: 1, Low: 0.5, High: 1}},
		},
	}}
	got, err := RewardPage("reward <model>", report)
	require.NoError(t, err)
	page := string(got)
	require.Contains(t, page, `<path class="stroke" d="M305.0 217.8V40.2"/>`+"\n"+`<circle cx="305.0" cy="129.0" r="4"><title>predicted 0.75, observed 0.5 (0.1 to 0.9) in 2 pairs</title>`)
	require.Contains(t, page, `<path class="stroke" d="M548.0 129.0V18.0"/>`)
	require.Contains(t, page, `<text class="tick" x="329.3" y="10" text-anchor="middle">2</text>`)
	require.Contains(t, page, `d="M62.0 129.0L548.0 18.0"`, "the diagonal")
	require.Contains(t, page, "<td>0.75 (0.4 to 0.9), 6 of 8 pairs</td>")
	require.Contains(t, page, "<tr><td>0.75 to 0.8</td><td>2</td><td>0.75</td><td>0.5 (0.1 to 0.9)</td></tr>")
	require.Equal(t, 2, strings.Count(page, "<circle"), "a band without pairs is not drawn")
	require.Contains(t, page, "reward &lt;model&gt;")
	requireWellFormed(t, page, 1, "the plot")
	require.NotContains(t, page, "ZgotmplZ")

	report.HeldOut = nil
	got, err = RewardPage("reward", report)
	require.NoError(t, err)
	require.Contains(t, string(got), "There were no held-out pairs")
	require.NotContains(t, string(got), "<svg")
}
