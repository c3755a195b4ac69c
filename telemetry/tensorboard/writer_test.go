package tensorboard_test

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/telemetry/series"
	"elara/telemetry/tensorboard"
)

// begun is the time in the golden file: 22 November 2026, 09:00 UTC and a quarter of a second.
func begun() time.Time { return time.UnixMilli(1_795_338_000_250) }

func curve(t *testing.T) series.Curve {
	t.Helper()
	config, err := series.ConfigOf(struct {
		MaxLength int  `json:"max_length"`
		Seed      *int `json:"seed"`
	}{512, nil})
	require.NoError(t, err)
	return series.Curve{Run: series.Run{Config: config}}
}

func golden(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/events.hex")
	require.NoError(t, err)
	data, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	require.NoError(t, err)
	return data
}

func first() series.Point {
	return series.Point{Step: 3, At: begun().Add(time.Second), Values: []series.Value{{Key: series.TrainLoss, Number: 2.5}, {Key: series.TrainLearningRate, Number: 2e-4}}}
}

func second() series.Point {
	return series.Point{Step: 24, Values: []series.Value{{Key: series.EvalLoss, Number: 1.1}}}
}

func events(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return files
}

func TestFileIsTheOneThatTensorBoardWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	w, err := tensorboard.Create(dir, curve(t), begun())
	require.NoError(t, err)
	require.NoError(t, errors.Join(w.Write(first()), w.Write(second()), w.Close(true)))
	files := events(t, dir)
	require.Equal(t, []string{filepath.Join(dir, "events.out.tfevents.1795338000.elara")}, files)
	written, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Equal(t, golden(t), written)
}

func TestResumedFileHasThePointsBefore(t *testing.T) {
	dir := t.TempDir()
	before := curve(t)
	before.Points = []series.Point{first()}
	w, err := tensorboard.Create(dir, before, begun())
	require.NoError(t, err)
	require.NoError(t, errors.Join(w.Write(second()), w.Close(true)))
	written, err := os.ReadFile(events(t, dir)[0])
	require.NoError(t, err)
	require.Equal(t, golden(t), written)
}

func TestOnlyTheAttemptBeforeKeepsItsFile(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "events.out.tfevents.1700000000.trainer.77.0")
	require.NoError(t, os.WriteFile(foreign, nil, 0o600))
	for _, at := range []time.Time{begun(), begun(), begun().Add(-time.Hour)} { // the clock stands still, then goes back
		w, err := tensorboard.Create(dir, curve(t), at)
		require.NoError(t, err)
		require.NoError(t, w.Close(false))
	}
	require.Equal(t, []string{
		foreign,
		filepath.Join(dir, "events.out.tfevents.1795338001.elara"),
		filepath.Join(dir, "events.out.tfevents.1795338002.elara"),
	}, events(t, dir), "readers take files in the order of their names")
}

func TestFolderThatCannotBeMadeIsAnError(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(taken, nil, 0o600))
	_, err := tensorboard.Create(taken, curve(t), begun())
	require.Error(t, err)
}
