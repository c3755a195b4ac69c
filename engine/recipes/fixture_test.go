//go:build torch

package recipes

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/tensor"
	"elara/internal/testdevice"
	"elara/spec"
)

// newRunner gives a runner on an engine of one thread: the models are too small for more.
func newRunner(t *testing.T) *Runner {
	t.Helper()
	return runnerOn(t, tensor.Options{Threads: 1})
}

// runnerOn gives a runner on the device under test.
func runnerOn(t *testing.T, o tensor.Options) *Runner {
	t.Helper()
	o.Device = testdevice.Name()
	engine, err := tensor.Start(o)
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	return &Runner{Engine: engine}
}

// tinyModel writes the tiny model into a folder of the test.
func tinyModel(t *testing.T, r *Runner) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	require.NoError(t, r.TinyModel(dir))
	return dir
}

// textsFile writes a JSONL file of texts.
func textsFile(t *testing.T, texts ...string) string {
	t.Helper()
	var lines []byte
	for _, text := range texts {
		line, err := json.Marshal(map[string]string{"text": text})
		require.NoError(t, err)
		lines = append(append(lines, line...), '\n')
	}
	path := filepath.Join(t.TempDir(), "texts.jsonl")
	require.NoError(t, os.WriteFile(path, lines, 0o644))
	return path
}

// questions are eight short rows of different lengths.
var questions = []string{
	"What is anaemia? Too little haemoglobin in the blood.",
	"What is gout? Crystals of uric acid in a joint.",
	"Can I fly with a cold? Usually yes.",
	"What is croup? A barking cough, often at night.",
	"What is sepsis? A life-threatening reaction to infection. Call an ambulance.",
	"What is eczema? Dry, itchy skin.",
	"How is hypertension found? By repeated measurement.",
	"What does insulin do? It lets sugar enter the cells.",
}

// smallJob trains on the tiny model for eight steps of four rows, with dropout, weight decay, clipping and warm-up.
func smallJob(t *testing.T, base string) spec.LoRAJob {
	t.Helper()
	return spec.LoRAJob{
		BaseModel: base, ModelType: "causal_lm", OutputDir: filepath.Join(t.TempDir(), "adapter"),
		TrainDataPath: textsFile(t, questions...), MaxLength: 64,
		LoRA: spec.LoRAConfig{R: 4, Alpha: 8, Dropout: 0.1, Bias: "none", TargetModules: []string{"q_proj", "v_proj", "down_proj"}},
		Args: spec.TrainingArgs{
			MaxSteps: 8, PerDeviceTrainBatchSize: 2, PerDeviceEvalBatchSize: 2, GradientAccumulationSteps: 2,
			LearningRate: 5e-3, WeightDecay: 0.01, AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8, MaxGradNorm: 1,
			LRSchedulerType: "linear", WarmupSteps: 2, LoggingSteps: 3, EvalStrategy: "no", SaveStrategy: "steps", SaveSteps: 1,
			Seed: 42, TrainSamplingStrategy: "random",
		},
	}
}

// recorder keeps every snapshot, and fails or yields where it is told to.
type recorder struct {
	saved    map[int64]spec.Snapshot
	progress []spec.Progress
	onSave   func(step int64) error
	yieldAt  int64
}

func (o *recorder) Progress(p spec.Progress) { o.progress = append(o.progress, p) }
func (o *recorder) Yield(step int64) bool    { return step == o.yieldAt }

func (o *recorder) Save(_ context.Context, s spec.Snapshot) error {
	if o.onSave != nil {
		if err := o.onSave(s.Step); err != nil {
			return err
		}
	}
	if o.saved == nil {
		o.saved = map[int64]spec.Snapshot{}
	}
	files := map[string][]byte{}
	for name, data := range s.Files {
		files[name] = append([]byte{}, data...)
	}
	o.saved[s.Step] = spec.Snapshot{Step: s.Step, Files: files}
	return nil
}

// folderBytes reads all files of a folder.
func folderBytes(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(data)
	}
	return files
}

// over runs f on the engine's thread, over a base model in float32.
func over(t *testing.T, r *Runner, dir string, f func(b *base) error) {
	t.Helper()
	b, err := r.acquire(t.Context(), baseKey{path: dir, dtype: tensor.Float32})
	require.NoError(t, err)
	defer r.release(b)
	require.NoError(t, r.Engine.Do(func() error { return f(b) }))
}

// trained runs a job to its end and gives the files it published.
func trained(t *testing.T, r *Runner, job spec.LoRAJob) map[string]string {
	t.Helper()
	outcome, err := r.TrainLoRA(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.True(t, outcome.Done)
	return folderBytes(t, job.OutputDir)
}
