package activities

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage/artifact"
)

// driftInput is what a channel serves, measured in a week: an adapter, and for each metric its value, all within 0.1.
func driftInput(week int, adapter string, values map[spec.Metric]float64) spec.DriftInput {
	ref := func(kind spec.ArtifactKind, c string) spec.ArtifactRef {
		return spec.ArtifactRef{Kind: kind, Digest: spec.Digest(strings.Repeat(c, 64))}
	}
	score := spec.AdapterScore{Adapter: "patient", Rows: 40}
	for _, metric := range spec.Metrics() {
		c := spec.Comparison{Metric: metric}
		if value, found := values[metric]; found {
			c.Items, c.New = 40, spec.Estimate{Value: value, Low: value - 0.1, High: value + 0.1}
		}
		score.Comparisons = append(score.Comparisons, c)
	}
	return spec.DriftInput{
		Run: spec.RunID("run-" + string(rune('0'+week))), Channel: "stable", At: time.Date(2026, 11, 1+7*week, 3, 0, 0, 0, time.UTC),
		Served: []spec.ServedScore{{Audience: spec.Patient, Adapter: ref(spec.KindAdapter, adapter), Dataset: ref(spec.KindDataset, string(rune('0'+week))), Score: score}},
	}
}

// TestWhatFallsIsHeldAgainstTheSameAdapterAtFirst: with two metrics measured the interval of a difference of such figures is
// 0.1 * sqrt(2) * 2.241403 / 1.959964 = 0.1617 wide to each side (98.75 % and 97.5 % quantiles of the normal distribution).
func TestWhatFallsIsHeldAgainstTheSameAdapterAtFirst(t *testing.T) {
	r := newRoom(t)
	figures := func(loss, safety float64) map[spec.Metric]float64 {
		return map[spec.Metric]float64{spec.MetricLoss: loss, spec.MetricSafety: safety}
	}
	require.Empty(t, do(t, r, r.control.RecordDrift, driftInput(0, "a", figures(1, 0.99))).Falls)
	require.Empty(t, do(t, r, r.control.RecordDrift, driftInput(1, "b", figures(2, 0.5))).Falls, "another adapter's first measurement")
	require.Empty(t, do(t, r, r.control.RecordDrift, driftInput(2, "b", figures(1.8, 0.34))).Falls, "by 0.16: within chance; and a loss that falls is none")

	in := driftInput(3, "b", figures(2.17, 0.4))
	fell := do(t, r, r.control.RecordDrift, in)
	require.Len(t, fell.Falls, 1)
	fall := fell.Falls[0]
	require.Equal(t, spec.MetricLoss, fall.Metric)
	require.Equal(t, time.Date(2026, 11, 8, 3, 0, 0, 0, time.UTC), fall.Since)
	require.InDelta(t, -0.17+0.1617, fall.Gain.High, 1e-4)
	require.Equal(t, "patient: loss is 2.170 (2.070 to 2.270), it was 2.000 (1.900 to 2.100) when this adapter was first measured, 2026-11-08 03:00 UTC", fall.Text())
	require.Equal(t, fell, do(t, r, r.control.RecordDrift, in), "a retry after a lost answer")

	drifts, err := artifact.Drifts(t.Context(), r.store, "stable")
	require.NoError(t, err)
	require.Len(t, drifts[0].Points, 4)
	require.Len(t, drifts[0].Points[0].Figures, 2, "what was not measured is no figure")
	require.Equal(t, fell.Falls, drifts[0].Points[3].Falls)
}
