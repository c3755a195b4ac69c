package chain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage/artifact"
	"elara/telemetry/runlog"
	"elara/tests/localhub"
)

// A base model by its name, and the curves that the trainings over it leave on the worker's machine.
func TestPipelineOverABaseModelFromAHub(t *testing.T) {
	model := t.TempDir()
	require.NoError(t, os.CopyFS(model, os.DirFS("testdata/base")))
	require.NoError(t, os.WriteFile(filepath.Join(model, "tokenizer.json"), []byte("{}"), 0o600)) // a model of a hub has one
	localhub.Start(t, map[string]string{"acme/tiny": model})
	curves := t.TempDir()
	t.Setenv(curvesVar, curves)
	th := open(t, "calm")
	th.worker(t, "calm", 0)
	in := input("run-1", "calm")
	in.Base = spec.BaseSource{Name: "acme/tiny@v1"}
	started := th.start(t, "calm", in)
	status := started.awaitCandidate(t)

	manifest, err := artifact.Load(t.Context(), th.store(t, "calm"), status.Base)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"hub_model": "acme/tiny", "hub_commit": localhub.Commit}, manifest.Meta)
	written, err := runlog.ReadRun(filepath.Join(curves, "run-1"))
	require.NoError(t, err)
	require.Len(t, written, 4)
	for _, curve := range written {
		require.True(t, curve.Run.Done())
		require.Empty(t, curve.Run.Restarts())
		require.Equal(t, int64(steps), curve.Run.Attempts[len(curve.Run.Attempts)-1].LastStep)
	}
	require.FileExists(t, filepath.Join(curves, "run-1", runlog.ReportFile))
	require.NotEmpty(t, started.approve(t).Release.Channel)
}
