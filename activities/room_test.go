package activities

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/mem"
	"elara/tests/toy"
)

// room is where activities run in a test: a store in memory, a cache and a scratch folder of their own.
type room struct {
	*testsuite.TestActivityEnvironment
	control *Control
	device  *Device
	store   storage.Store
	scratch string
}

func newRoom(t *testing.T) *room { return newRoomWith(t, mem.New(), toy.Trainer{}) }

func newRoomWith(t *testing.T, store storage.Store, trainer Trainer) *room {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	folder := t.TempDir()
	r := &room{TestActivityEnvironment: suite.NewTestActivityEnvironment(), store: store, scratch: filepath.Join(folder, "scratch")}
	cache := artifact.NewCache(filepath.Join(folder, "cache"))
	t.Cleanup(func() { // the cache is read-only
		require.NoError(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chmod(path, 0o700))
		}))
	})
	r.control = &Control{Store: store, Cache: cache, Scratch: r.scratch}
	r.device = &Device{
		Store: store, Cache: cache, Scratch: r.scratch, Code: "0f1e2d", Machine: "linux/amd64, cpu",
		Trainer: trainer, Pretrainer: toy.Pretrainer{}, Merger: toy.Merger{}, Distiller: toy.Distiller{}, Evaluator: toy.Evaluator{},
		Feedback: toy.Feedback{}, Sampler: toy.Feedback{},
	}
	r.RegisterActivity(r.control)
	r.RegisterActivity(r.device)
	return r
}

// do runs an activity that must succeed, and checks that it leaves nothing in the scratch folder.
func do[In, Out any](t *testing.T, r *room, activity func(context.Context, In) (Out, error), in In) Out {
	t.Helper()
	out, err := try(t, r, activity, in)
	require.NoError(t, err)
	return out
}

func try[In, Out any](t *testing.T, r *room, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	t.Helper()
	var out Out
	value, err := r.ExecuteActivity(activity, in)
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	left, readErr := os.ReadDir(r.scratch)
	if !errors.Is(readErr, os.ErrNotExist) {
		require.NoError(t, readErr)
	}
	require.Empty(t, left, "the scratch folder")
	return out, err
}

// kindOf gives what Temporal is told: the kind, and whether it may be tried again.
func kindOf(t *testing.T, err error) (kind fault.Kind, final bool) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	return fault.Kind(failure.Type()), failure.NonRetryable()
}

func (r *room) read(t *testing.T, ref spec.ArtifactRef, name string) string {
	t.Helper()
	content, err := artifact.ReadFile(t.Context(), r.store, ref, name)
	require.NoError(t, err)
	return string(content)
}

func (r *room) names(t *testing.T, ref spec.ArtifactRef) []string {
	t.Helper()
	manifest, err := artifact.Load(t.Context(), r.store, ref)
	require.NoError(t, err)
	var names []string
	for _, file := range manifest.Files {
		names = append(names, file.Name)
	}
	return names
}

// publish puts an artifact of some files into the store.
func (r *room) publish(t *testing.T, kind spec.ArtifactKind, content map[string]string) spec.ArtifactRef {
	t.Helper()
	ref, err := artifact.Publish(t.Context(), r.store, kind, files(t, content), nil, nil)
	require.NoError(t, err)
	return ref
}

// files writes files below a new folder.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range content {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return folder
}
