package gates

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// golden is what scipy and statsmodels say; tests/peer/scoring/gates.py writes it.
type golden struct {
	Bootstrap []struct {
		Name              string
		Old, New, Weights []float64
		Clusters          []string
		Value, Low, High  float64
		Error             float64
		PWorse            float64 `json:"p_worse"`
	}
	YesNo []struct {
		Better, Worse, Items int
		Value, Low, High     float64
		PWorse               float64 `json:"p_worse"`
	} `json:"yes_no"`
	Holm struct{ P, Adjusted []float64 }
	Rule map[string]float64 `json:"rule_of_three"`
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	content, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &g))
	return g
}

func TestBootstrapIsThatOfScipy(t *testing.T) {
	for _, want := range readGolden(t).Bootstrap {
		t.Run(want.Name, func(t *testing.T) {
			got, err := Compare(Sample{Metric: spec.MetricAccuracy, Old: want.Old, New: want.New, Weights: want.Weights, Clusters: want.Clusters})
			require.NoError(t, err)
			require.Equal(t, spec.TestBootstrap, got.Test)
			require.InDelta(t, want.Value, got.Gain.Value, 1e-12)
			require.InDelta(t, want.Low, got.Gain.Low, 1e-9)
			require.InDelta(t, want.High, got.Gain.High, 1e-9)
			require.InDelta(t, 2.801585218112969*want.Error, got.Detectable, 1e-9)
			require.InDelta(t, want.PWorse, got.PWorse, 5e-4) // in the tails the interval is made of few resamples
			reversed, err := Compare(Sample{Metric: spec.MetricLoss, Old: want.New, New: want.Old, Weights: want.Weights, Clusters: want.Clusters, LowerIsBetter: true})
			require.NoError(t, err)
			require.InDelta(t, want.Value, reversed.Gain.Value, 1e-12)
		})
	}
}

func TestYesNoIsThatOfStatsmodelsAndOfTheLikelihood(t *testing.T) {
	for _, want := range readGolden(t).YesNo {
		old, now := make([]float64, want.Items), make([]float64, want.Items)
		for i := range want.Better {
			now[i] = 1
		}
		for i := range want.Worse {
			old[want.Better+i] = 1
		}
		got, err := Compare(Sample{Metric: spec.MetricSafety, Old: old, New: now, IsYesNo: true})
		require.NoError(t, err)
		require.Equal(t, spec.TestMcNemar, got.Test)
		require.InDelta(t, want.Value, got.Gain.Value, 1e-12)
		require.InDelta(t, want.Low, got.Gain.Low, 1e-6)
		require.InDelta(t, want.High, got.Gain.High, 1e-6)
		require.InDelta(t, want.PWorse, got.PWorse, 1e-12)
	}
}

func TestHolmIsThatOfStatsmodels(t *testing.T) {
	want := readGolden(t).Holm
	var comparisons []spec.Comparison
	for _, p := range want.P {
		comparisons = append(comparisons, spec.Comparison{Items: 1, PWorse: p})
	}
	for i, c := range Adjust(comparisons) {
		require.InDelta(t, want.Adjusted[i], c.HolmWorse, 1e-12)
	}
}

func TestRuleOfThreeIsTheBetaQuantile(t *testing.T) {
	for text, want := range readGolden(t).Rule {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		require.InDelta(t, want, RuleOfThree(n), 1e-12)
	}
}

// Two clusters of two items, by hand: weighted mean (1*1 + 3*2 + 2*4 + 2*6)/8 = 3.375; cluster residuals 7 - 3.375*4 = -6.5 and
// 20 - 13.5 = 6.5, so the standard error is sqrt(84.5)/8.
func TestFiguresHaveClusteredStandardErrors(t *testing.T) {
	s := Sample{Weights: []float64{1, 3, 2, 2}, Clusters: []string{"a", "a", "b", "b"}}
	got := mean(s.units([]float64{1, 2, 4, 6}))
	require.InDelta(t, 3.375, got.Value, 1e-12)
	require.InDelta(t, 3.375-1.959963984540054*math.Sqrt(84.5)/8, got.Low, 1e-12)
}

func TestScoresThatCannotBeComparedAreRefused(t *testing.T) {
	for name, s := range map[string]Sample{
		"unpaired":          {Old: []float64{1}, New: []float64{1, 2}},
		"not a number":      {Old: []float64{1}, New: []float64{math.NaN()}},
		"half a yes":        {Old: []float64{1}, New: []float64{0.5}, IsYesNo: true},
		"no weight":         {Old: []float64{1}, New: []float64{2}, Weights: []float64{0}},
		"a cluster missing": {Old: []float64{1}, New: []float64{2}, Clusters: []string{}},
	} {
		_, err := Compare(s)
		require.True(t, fault.Is(err, fault.Invalid), name)
	}
	nothing, err := Compare(Sample{Metric: spec.MetricTone})
	require.NoError(t, err)
	require.Zero(t, nothing.Items)
}

// made is a comparison with its gain, for rules that are looked at alone.
func made(metric spec.Metric, value, low, high, pWorse float64) spec.Comparison {
	return spec.Comparison{
		Metric: metric, Items: 100, Clusters: 100, Test: spec.TestBootstrap, PWorse: pWorse, Detectable: 0.03,
		Gain: spec.Estimate{Value: value, Low: low, High: high},
	}
}

func TestVerdictsFollowTheIntervals(t *testing.T) {
	better := made(spec.MetricLoss, 0.1, 0.05, 0.15, 1)
	few := better
	few.Items, few.Clusters = 29, 29
	rules := spec.DefaultGateRules()
	modest := rules
	modest.Target = spec.TargetNone
	asked := rules
	asked.MinImprovement = 0.2
	for name, test := range map[string]struct {
		rules       spec.GateRules
		comparisons []spec.Comparison
		verdict     spec.GateVerdict
		says        string
	}{
		"better, nothing worse":      {rules, []spec.Comparison{better, made(spec.MetricTone, 0, -0.04, 0.04, 0.5)}, spec.Promote, "loss: better by 0.1 (0.05 to 0.15), as asked"},
		"worse within its margin":    {rules, []spec.Comparison{better, made(spec.MetricTone, -0.03, -0.04, -0.02, 0.0001)}, spec.Promote, "tone: no worse than by 0.04"},
		"worse beyond its margin":    {rules, []spec.Comparison{better, made(spec.MetricTone, -0.2, -0.3, -0.1, 0.0001)}, spec.Reject, "tone: worse by 0.2 (0.1 to 0.3)"},
		"perhaps worse":              {rules, []spec.Comparison{better, made(spec.MetricTone, 0, -0.1, 0.1, 0.5)}, spec.InsufficientData, "tone: may be worse by 0.1, margin 0.05; about 36 items would tell"},
		"not surely better":          {rules, []spec.Comparison{made(spec.MetricLoss, 0.01, -0.01, 0.03, 0.8)}, spec.InsufficientData, "loss: better by 0.01 (-0.01 to 0.03); more than 0 is asked, and a gain of 0.03"},
		"not as good as asked":       {asked, []spec.Comparison{better}, spec.Reject, "more than 0.2 is asked"},
		"no improvement is asked":    {modest, []spec.Comparison{made(spec.MetricLoss, 0, -0.01, 0.01, 0.5)}, spec.Promote, "loss: no worse than by 0.01"},
		"too few items":              {rules, []spec.Comparison{few}, spec.InsufficientData, "29 items that stand alone, at least 30"},
		"the target is not measured": {rules, []spec.Comparison{made(spec.MetricTone, 0, -0.01, 0.01, 0.5)}, spec.InsufficientData, "loss: not measured, and it must be better"},
		"a metric without any item":  {rules, []spec.Comparison{better, {Metric: spec.MetricAccuracy}}, spec.InsufficientData, "accuracy: not measured"},
		"chance, for there are many": {rules, []spec.Comparison{better, made(spec.MetricTone, -0.05, -0.09, -0.001, 0.02), made(spec.MetricAccuracy, 0, -0.01, 0.01, 0.5)}, spec.InsufficientData, "tone: may be worse"},
	} {
		gate := Decide(test.rules, test.comparisons, nil)
		require.Equal(t, test.verdict, gate.Verdict, name)
		require.Contains(t, strings.Join(gate.Reasons, "; "), test.says, name)
	}
}

func TestTheWorstAdapterDecides(t *testing.T) {
	of := func(verdicts ...spec.GateVerdict) (all []spec.AdapterGate) {
		for _, v := range verdicts {
			all = append(all, spec.AdapterGate{Verdict: v})
		}
		return all
	}
	require.Equal(t, spec.Promote, Worst(of(spec.Promote, spec.Promote)))
	require.Equal(t, spec.InsufficientData, Worst(of(spec.InsufficientData, spec.Promote)))
	require.Equal(t, spec.Reject, Worst(of(spec.InsufficientData, spec.Reject, spec.Promote)))
}
