//go:build torch

package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"elara/activities"
	"elara/configs"
	"elara/internal/testdevice"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/workflows"
)

// stages are the activities with the real engine, over a store.
type stages struct {
	suite   testsuite.WorkflowTestSuite
	alone   *testsuite.TestActivityEnvironment
	control *activities.Control
	device  *activities.Device
}

func openStages(t *testing.T, store storage.Store) *stages {
	t.Helper()
	engine, err := openEngine(t.Context(), configs.WorkerSettings{Device: testdevice.Name(), Threads: 1, AdaptersAtOnce: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.close()) })
	folder := t.TempDir()
	cache := artifact.NewCache(filepath.Join(folder, "cache"))
	t.Cleanup(func() { // the cache is read-only
		require.NoError(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chmod(path, 0o700))
		}))
	})
	s := &stages{
		control: &activities.Control{Store: store, Cache: cache, Scratch: filepath.Join(folder, "scratch")},
		device: &activities.Device{
			Store: store, Cache: cache, Scratch: filepath.Join(folder, "scratch"), Trainer: engine.Trainer, Distiller: engine.Distiller,
			Feedback: engine.Feedback, Sampler: engine.Sampler,
		},
	}
	s.suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s.alone = s.suite.NewTestActivityEnvironment()
	s.alone.RegisterActivity(s.device)
	s.alone.RegisterActivity(s.control)
	return s
}

// one runs an activity alone.
func one[In, Out any](t *testing.T, s *stages, activity func(context.Context, In) (Out, error), in In) (out Out) {
	t.Helper()
	value, err := s.alone.ExecuteActivity(activity, in)
	require.NoError(t, err)
	require.NoError(t, value.Get(&out))
	return out
}

// through runs a workflow with its activities.
func (s *stages) through(t *testing.T, workflow, in, result any) {
	t.Helper()
	run := s.suite.NewTestWorkflowEnvironment()
	run.SetTestTimeout(5 * time.Minute)
	workflows.Register(run)
	run.RegisterActivity(s.device)
	run.RegisterActivity(s.control)
	run.ExecuteWorkflow(workflow, in)
	require.NoError(t, run.GetWorkflowError())
	require.NoError(t, run.GetWorkflowResult(result))
}

// sft is an adapter of a model, trained for two steps on one row, with what it was trained on.
func (s *stages) sft(t *testing.T, model string, plan spec.AdapterPlan, meta map[string]string) (base, dataset, adapter spec.ArtifactRef) {
	t.Helper()
	base, err := artifact.Publish(t.Context(), s.control.Store, spec.KindBaseModel, model, nil, nil)
	require.NoError(t, err)
	row := []byte(`{"text": "<|system|>\nBe kind.\n<|user|>\nWhat is gout?\n<|assistant|>\nCrystals."}` + "\n")
	dataset, err = artifact.PublishBytes(t.Context(), s.control.Store, spec.KindDataset,
		map[string][]byte{"train.jsonl": row, "eval.jsonl": bytes.Repeat(row, 2), spec.RowsFile: []byte("{}\n")}, nil, meta)
	require.NoError(t, err)
	trained := one(t, s, s.device.TrainSegment, spec.SegmentInput{
		AdapterInput: spec.AdapterInput{Run: "run-1", Plan: plan, Base: base, Dataset: dataset}, UntilStep: 2,
	})
	return base, dataset, trained.Adapter
}
