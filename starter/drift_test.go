package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// driftShown asks how the channel of the demo has done: its two runs held out the same rows, so that there is one measurement.
func driftShown(t *testing.T, state, channel string) {
	page := filepath.Join(t.TempDir(), "drift.html")
	shown := elara(t, "release", "drift", channel, "--audience", "patient", "--html", page, "--state", state)
	require.Equal(t, exitDone, shown.code, shown.err)
	require.Regexp(t, `^patient for the audience patient: 1 measurements, the last \S+ \S+ UTC on 10 rows, of adapter [0-9a-f]{12}\n`, shown.out)
	drawn, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(drawn), "Drift of channel "+channel)

	var drifts []spec.Drift
	require.NoError(t, json.Unmarshal([]byte(elara(t, "release", "drift", channel, "--json", "--state", state).out), &drifts))
	require.Len(t, drifts, 4)
	none := elara(t, "release", "drift", "nobody", "--state", state)
	require.Equal(t, exitRefused, none.code)
	require.Contains(t, none.err, `nothing that channel "nobody" serves was measured on newly held-out rows yet`)
}

func TestDriftIsACourseWithIntervalsAndFalls(t *testing.T) {
	at := newClock().now().UTC()
	figure := func(value float64) []spec.DriftFigure {
		return []spec.DriftFigure{{Metric: spec.MetricSafety, Items: 40, Estimate: spec.Estimate{Value: value, Low: value - 0.1, High: value + 0.1}}}
	}
	other, served := digest("a"), digest("b")
	fall := spec.DriftFall{Adapter: "patient", Metric: spec.MetricSafety, Since: at, First: figure(0.9)[0].Estimate, Now: figure(0.5)[0].Estimate}
	text := driftText([]spec.Drift{{Channel: "stable", Name: "patient", Audience: spec.Patient, Points: []spec.DriftPoint{
		{At: at, Adapter: other, Figures: figure(0.1)}, {At: at, Adapter: served, Figures: figure(0.9)},
		{At: at, Adapter: served, Rows: 40, Figures: figure(0.5), Falls: []spec.DriftFall{fall}},
	}}})
	require.Contains(t, text, "patient for the audience patient: 3 measurements, the last "+at.Format("2006-01-02 15:04:05")+" UTC on 40 rows, of adapter bbbbbbbbbbbb\n")
	require.Contains(t, text, "safety  ▁█▅     0.900 (0.800 to 1.000)  0.500 (0.400 to 0.600)\n")
	require.Contains(t, text, "Significant fall: patient: safety is 0.500 (0.400 to 0.600), it was 0.900 (0.800 to 1.000) when this adapter was first measured")
}
