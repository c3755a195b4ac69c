//go:build torch

package recipes

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/train"
	"elara/spec"
)

// Dropout is on everywhere a model has it: what runs again must draw the same.
func TestCheckpointingChangesNoByte(t *testing.T) {
	r := newRunner(t)
	gpt2 := readGolden(t).Models["gpt2"]
	gpt2.Config = maps.Clone(gpt2.Config)
	gpt2.Config["embd_pdrop"], gpt2.Config["attn_pdrop"], gpt2.Config["resid_pdrop"] = 0.1, 0.2, 0.3
	for name, model := range map[string]struct {
		base    string
		targets []string
	}{
		"llama": {tinyModel(t, r), []string{"q_proj", "v_proj", "down_proj"}},
		"gpt2":  {formulaModel(t, r, gpt2, 1), []string{"c_attn", "c_fc"}},
	} {
		for _, bf16 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, bf16 %v", name, bf16), func(t *testing.T) {
				job := smallJob(t, model.base)
				job.LoRA.TargetModules, job.Args.BF16, job.Args.LoggingSteps = model.targets, bf16, 1
				want := trained(t, newRunner(t), job)
				job.Args.GradientCheckpointing, job.OutputDir = true, filepath.Join(t.TempDir(), "again")
				require.Equal(t, want, trained(t, newRunner(t), job))
			})
		}
	}
}

// The expected numbers are transformers' own (tests/peer/engine/smoothing.py).
func TestLabelSmoothingIsThatOfTransformers(t *testing.T) {
	g := readGolden(t)
	data, err := os.ReadFile(filepath.Join("testdata", "smoothing.json"))
	require.NoError(t, err)
	var want struct {
		Factor float64 `json:"factor"`
		Models map[string]struct {
			Loss     []float64 `json:"loss"`
			GradNorm []float64 `json:"grad_norm"`
			EvalLoss float64   `json:"eval_loss"`
		} `json:"models"`
	}
	require.NoError(t, json.Unmarshal(data, &want))
	require.Len(t, want.Models, 2)
	for name, numbers := range want.Models {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			job := goldenJob(t, r, g, g.Models[name])
			job.Args.MaxSteps, job.Args.LabelSmoothingFactor = int64(len(numbers.Loss)), want.Factor
			job.EvalDataPath, job.Args.EvalStrategy, job.Args.EvalSteps = textsFile(t, g.Rows[:3]...), spec.StrategySteps, job.Args.MaxSteps
			var state train.State
			require.NoError(t, json.Unmarshal([]byte(trained(t, r, job)["trainer_state.json"]), &state))
			for i := range numbers.Loss {
				require.InEpsilon(t, numbers.Loss[i], *state.LogHistory[i].Loss, 1e-5, "loss of step %d", i+1)
				require.InEpsilon(t, numbers.GradNorm[i], *state.LogHistory[i].GradNorm, 1e-4, "gradient norm of step %d", i+1)
			}
			require.InEpsilon(t, numbers.EvalLoss, *state.LogHistory[len(numbers.Loss)].EvalLoss, 1e-5, "held-out loss, not smoothed")
		})
	}
}
