package artifact_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/mem"
)

func driftPoint(run spec.RunID, adapter, dataset string) spec.DriftPoint {
	return spec.DriftPoint{
		Run: run, At: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC),
		Adapter: spec.Digest(strings.Repeat(adapter, 64)), Dataset: spec.Digest(strings.Repeat(dataset, 64)), Rows: 9,
		Figures: []spec.DriftFigure{{Metric: spec.MetricTone, Items: 9, Estimate: spec.Estimate{Value: 0.5, Low: 0.4, High: 0.6}}},
	}
}

func TestDriftGrowsByWhatIsNew(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		to := spec.Drift{Channel: "stable", Name: "patient", Audience: spec.Patient}
		fall := []spec.DriftFall{{Adapter: "patient", Metric: spec.MetricTone}}
		for _, step := range []struct {
			point   spec.DriftPoint
			earlier int // -1: it is not new, and nobody is asked
		}{
			{driftPoint("run-1", "a", "1"), 0},
			{driftPoint("run-1", "a", "1"), -1}, // a retry after a lost answer
			{driftPoint("run-2", "a", "1"), -1}, // nothing has changed
			{driftPoint("run-3", "a", "2"), 1},
			{driftPoint("run-3", "b", "2"), 2}, // released by the same run
			{driftPoint("run-3", "a", "2"), -1},
			{driftPoint("run-4", "a", "2"), 3}, // taken back
		} {
			asked := -1
			stands, err := artifact.AppendDrift(t.Context(), store, to, step.point, func(earlier []spec.DriftPoint) []spec.DriftFall {
				asked = len(earlier)
				return fall
			})
			require.NoError(t, err)
			require.Equal(t, step.earlier, asked)
			require.Equal(t, fall, stands.Falls)
		}
		drifts, err := artifact.Drifts(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Len(t, drifts, 1)
		require.Equal(t, spec.Patient, drifts[0].Audience)
		var runs []spec.RunID
		for _, point := range drifts[0].Points {
			runs = append(runs, point.Run)
		}
		require.Equal(t, []spec.RunID{"run-1", "run-3", "run-3", "run-4"}, runs)
		want := driftPoint("run-1", "a", "1")
		want.Falls = fall
		require.Equal(t, want, drifts[0].Points[0])
	})
}

func TestDriftOfNothingAndOfAnotherChannel(t *testing.T) {
	store := mem.New()
	_, err := artifact.Drifts(t.Context(), store, "stable")
	requireKind(t, fault.NotFound, err)
	_, err = artifact.Drifts(t.Context(), store, "../stable")
	requireKind(t, fault.Invalid, err)
	_, err = storage.PutBytes(t.Context(), store, artifact.DriftKey("stable", "patient"), []byte(`{"channel":"other","name":"patient"}`), storage.Always())
	require.NoError(t, err)
	_, err = artifact.Drifts(t.Context(), store, "stable")
	requireKind(t, fault.Corrupt, err)
}
