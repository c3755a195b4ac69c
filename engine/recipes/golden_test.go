//go:build torch

package recipes

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
)

// scores gives the log-probabilities of texts.
func scores(t *testing.T, r *Runner, model, adapter string, texts []string) []Scored {
	t.Helper()
	var out []Scored
	require.NoError(t, r.Score(t.Context(), model, adapter, texts, func(s Scored) error { out = append(out, s); return nil }))
	return out
}

func TestLogProbabilitiesAreThoseOfTransformers(t *testing.T) {
	g := readGolden(t)
	for _, name := range slices.Sorted(maps.Keys(g.Models)) {
		m := g.Models[name]
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s in %d files", name, shards), func(t *testing.T) {
				r := newRunner(t)
				got := scores(t, r, formulaModel(t, r, m, shards), "", g.Texts)
				require.Len(t, got, len(g.Texts))
				for i, s := range got {
					require.Equal(t, g.IDs[i], s.IDs)
					requireNear(t, m.LogProbs[i], s.LogProbs, 1e-5)
				}
			})
		}
	}
}

// requireNear compares whole lists and names the worst element.
func requireNear(t *testing.T, want []float64, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	worst, at := 0.0, 0
	for i := range want {
		if d := math.Abs(want[i] - float64(got[i])); !(d <= worst) {
			worst, at = d, i
		}
	}
	require.LessOrEqual(t, worst, tolerance, "element %d: want %v, got %v", at, want[at], got[at])
}

// goldenJob is the training that golden.py runs.
func goldenJob(t *testing.T, r *Runner, g golden, m goldenModel) spec.LoRAJob {
	t.Helper()
	job := smallJob(t, formulaModel(t, r, m, 1))
	job.TrainDataPath = textsFile(t, g.Rows...)
	job.AddPadToken, job.MaxLength = true, 192
	job.LoRA = spec.LoRAConfig{R: 2, Alpha: 6, Bias: "none", TargetModules: m.Targets}
	job.Args.MaxSteps, job.Args.WarmupSteps, job.Args.LoggingSteps, job.Args.SaveStrategy = 20, 3, 1, "no"
	var shapes []namedShape
	for name, values := range m.LoRA.Final {
		shape := []int64{2, int64(len(values) / 2)}
		if strings.HasSuffix(name, "lora_B.weight") {
			shape = []int64{int64(len(values) / 2), 2}
		}
		shapes = append(shapes, namedShape{Name: name, Shape: shape})
	}
	r.InitAdapter = formulaAdapter(t, r, job.LoRA, shapes)
	return job
}

func TestTwentyLoRAStepsAreThoseOfPEFT(t *testing.T) {
	g := readGolden(t)
	for _, name := range []string{"gpt2", "llama", "mistral", "qwen3"} {
		t.Run(name, func(t *testing.T) {
			requireSteps(t, newRunner(t), g, g.Models[name])
		})
	}
}

// requireSteps trains as golden.py does and compares all that it wrote down.
func requireSteps(t *testing.T, r *Runner, g golden, m goldenModel) {
	t.Helper()
	files := trained(t, r, goldenJob(t, r, g, m))
	var state train.State
	require.NoError(t, json.Unmarshal([]byte(files["trainer_state.json"]), &state))
	require.Len(t, state.LogHistory, 21, "one entry a step, and the end")
	for i, want := range m.LoRA.Loss {
		entry := state.LogHistory[i]
		require.InEpsilon(t, want, *entry.Loss, 1e-5, "loss of step %d", i+1)
		require.InEpsilon(t, m.LoRA.GradNorm[i], *entry.GradNorm, 1e-4, "gradient norm of step %d", i+1)
		require.InDelta(t, m.LoRA.LearningRate[i], *entry.LearningRate, 1e-12, "learning rate of step %d", i+1)
		require.InDelta(t, m.LoRA.Epoch[i], entry.Epoch, 1e-3, "epoch after step %d", i+1)
	}
	requireMatrices(t, r, m.LoRA.Final, []byte(files["adapter_model.safetensors"]))
}

func requireMatrices(t *testing.T, r *Runner, want map[string][]float64, data []byte) {
	t.Helper()
	file, err := tensor.ReadSafetensors("adapter_model.safetensors", data)
	require.NoError(t, err)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		var values []float32
		require.NoError(t, r.Engine.Do(func() error {
			stored, err := file.Load(r.Engine, name)
			if err == nil {
				values = stored.Float32s()
			}
			return err
		}), name)
		requireNear(t, want[name], values, 1e-5)
	}
}

// The expected numbers are transformers' own, from the same file (tests/peer/engine/gguf_golden.py).
func TestSmolLM2FromGGUFIsThatOfTransformers(t *testing.T) {
	path := os.Getenv("ELARA_SMOLLM2")
	if path == "" {
		t.Skip("ELARA_SMOLLM2 does not name SmolLM2-135M-Instruct.Q4_1.gguf: make setup fetches it, build/env.sh names it")
	}
	data, err := os.ReadFile(filepath.Join("testdata", "smollm2.json"))
	require.NoError(t, err)
	var want struct {
		Text     string    `json:"text"`
		IDs      []int32   `json:"ids"`
		LogProbs []float64 `json:"logprobs"`
	}
	require.NoError(t, json.Unmarshal(data, &want))
	got := scores(t, runnerOn(t, tensor.Options{}), path, "", []string{want.Text})[0]
	require.Equal(t, want.IDs, got.IDs)
	requireNear(t, want.LogProbs, got.LogProbs, 1e-3)
}
