//go:build torch

package recipes

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
)

// loraVariants is testdata/lora_variants.json, which tests/peer/engine/lora_variants.py computes with PEFT.
type loraVariants struct {
	Targets []struct {
		Model   string         `json:"model"`
		Config  map[string]any `json:"config"`
		Modules []string       `json:"modules"`
	} `json:"targets"`
	Variants map[string]loraVariant `json:"variants"`
}

type loraVariant struct {
	Model      string               `json:"model"`
	Extra      map[string]any       `json:"extra"`  // of the model's configuration
	Config     json.RawMessage      `json:"config"` // adapter_config.json as PEFT wrote it
	Saved      []namedShape         `json:"saved"`  // what PEFT's adapter_model.safetensors holds
	LogProbs   [][]float64          `json:"logprobs"`
	Loss       []float64            `json:"loss"`
	GradNorm   []float64            `json:"grad_norm"`
	Trainable  int64                `json:"trainable"`
	Parameters int64                `json:"parameters"`
	Final      map[string][]float64 `json:"final"` // five elements of each trained tensor
}

func readVariants(t *testing.T) loraVariants {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "lora_variants.json"))
	require.NoError(t, err)
	var v loraVariants
	require.NoError(t, json.Unmarshal(data, &v))
	require.NotEmpty(t, v.Targets)
	require.NotEmpty(t, v.Variants)
	return v
}

// base writes the model under the adapter.
func (v loraVariant) base(t *testing.T, r *Runner, g golden) string {
	t.Helper()
	m := g.Models[v.Model]
	m.Config = maps.Clone(m.Config)
	maps.Copy(m.Config, v.Extra)
	return formulaModel(t, r, m, 1)
}

// folder writes the adapter as PEFT saved it.
func (v loraVariant) folder(t *testing.T, r *Runner) string {
	t.Helper()
	var weights []byte
	require.NoError(t, r.Engine.Do(func() (err error) {
		r.Engine.Scope(func() {
			tensors := map[string]*tensor.Tensor{}
			for _, s := range v.Saved {
				values := formula(s.Name, s.Shape)
				if strings.HasSuffix(s.Name, "lora_magnitude_vector") {
					for i := range values {
						values[i]++
					}
				}
				tensors[s.Name] = r.Engine.FromFloat32(values, s.Shape...)
			}
			weights, err = tensor.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
		})
		return err
	}))
	dir := filepath.Join(t.TempDir(), "peft")
	require.NoError(t, writeFolder(dir, map[string][]byte{"adapter_config.json": v.Config, "adapter_model.safetensors": weights}, nil))
	return dir
}

// adaptedModules lists the modules that have a branch, in the order of the forward pass.
func adaptedModules(a *lora.Adapter) []string {
	var names []string
	for _, p := range a.Params {
		if name, is := strings.CutSuffix(strings.TrimPrefix(p.Name, "base_model.model."), ".lora_A.weight"); is {
			names = append(names, name)
		}
	}
	return names
}

func TestAdaptedModulesAreThoseOfPEFT(t *testing.T) {
	g, v := readGolden(t), readVariants(t)
	r := newRunner(t)
	bases := map[string]string{"llama": formulaModel(t, r, g.Models["llama"], 1), "gpt2": formulaModel(t, r, g.Models["gpt2"], 1)}
	for _, want := range v.Targets {
		settings := maps.Clone(want.Config)
		settings["peft_type"] = "LORA"
		data, err := json.Marshal(settings)
		require.NoError(t, err)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "adapter_config.json"), data, 0o644))
		config, err := lora.ReadConfig(dir)
		require.NoError(t, err, "%s", data)
		over(t, r, bases[want.Model], func(b *base) error {
			adapter, err := lora.New(b.model, 0, config, 1)
			if err != nil {
				return err
			}
			defer adapter.Detach()
			require.Equal(t, want.Modules, adaptedModules(adapter), "%s", data)
			return nil
		})
	}
}

func TestAdaptersThatPEFTSavedScoreAsInPEFT(t *testing.T) {
	g, v := readGolden(t), readVariants(t)
	for _, title := range slices.Sorted(maps.Keys(v.Variants)) {
		t.Run(title, func(t *testing.T) {
			r, variant := newRunner(t), v.Variants[title]
			base := variant.base(t, r, g)
			for i, s := range scores(t, r, base, variant.folder(t, r), g.Texts[1:]) {
				requireNear(t, variant.LogProbs[i], s.LogProbs, 1e-5)
			}
			// The base is what it was.
			for i, s := range scores(t, r, base, "", g.Texts[1:]) {
				requireNear(t, g.Models[variant.Model].LogProbs[1+i], s.LogProbs, 1e-5)
			}
		})
	}
}

func TestSixStepsOfEveryVariantAreThoseOfPEFT(t *testing.T) {
	g, v := readGolden(t), readVariants(t)
	for _, title := range slices.Sorted(maps.Keys(v.Variants)) {
		t.Run(title, func(t *testing.T) {
			r, variant := newRunner(t), v.Variants[title]
			job := smallJob(t, variant.base(t, r, g))
			job.TrainDataPath, job.MaxLength = textsFile(t, g.Rows...), 192
			r.InitAdapter = variant.folder(t, r)
			var err error
			job.LoRA, err = lora.ReadConfig(r.InitAdapter)
			require.NoError(t, err)
			job.Args.MaxSteps, job.Args.WarmupSteps, job.Args.LoggingSteps, job.Args.SaveStrategy, job.Args.WeightDecay = 6, 2, 1, "no", 0.05
			outcome, err := r.TrainLoRA(t.Context(), job, nil, &recorder{})
			require.NoError(t, err)
			require.Equal(t, []int64{variant.Trainable, variant.Parameters}, []int64{outcome.TrainableParams, outcome.AllParams})
			files := folderBytes(t, job.OutputDir)
			var state train.State
			require.NoError(t, json.Unmarshal([]byte(files[train.StateFile]), &state))
			for i, want := range variant.Loss {
				require.InEpsilon(t, want, *state.LogHistory[i].Loss, 1e-5, "loss of step %d", i+1)
				require.InEpsilon(t, variant.GradNorm[i], *state.LogHistory[i].GradNorm, 1e-4, "gradient norm of step %d", i+1)
			}
			final := matrices(t, r, files["adapter_model.safetensors"])
			require.Equal(t, slices.Sorted(maps.Keys(variant.Final)), slices.Sorted(maps.Keys(final)))
			for _, name := range slices.Sorted(maps.Keys(final)) {
				for i, want := range variant.Final[name] {
					at := i * (len(final[name]) - 1) / 4
					if isKeyBias(name, at, len(final[name])) {
						continue
					}
					require.InDelta(t, want, final[name][at], 1e-5, "%s, element %d", name, at)
				}
			}
			saved, err := lora.ReadConfig(job.OutputDir)
			require.NoError(t, err)
			require.Equal(t, job.LoRA, saved)
		})
	}
}

// isKeyBias tells the elements whose gradient is zero but for rounding, which Adam blows up to steps of any sign: a number that
// is added to all keys changes no attention. They are the middle third of GPT-2's c_attn.bias.
func isKeyBias(name string, at, elements int) bool {
	return strings.Contains(name, "c_attn.") && strings.HasSuffix(name, "bias") && at >= elements/3 && at < 2*elements/3
}

// parts are adapters over one GPT-2 that each take something else of the base, with dropout.
func parts(t *testing.T, base string) []spec.LoRAJob {
	t.Helper()
	configs := []spec.LoRAConfig{
		{
			R: 3, Alpha: 4, UseRSLoRA: true, TargetModules: []string{"c_attn", "c_fc"}, InitWeights: spec.InitGaussian,
			RankPattern: []spec.RankRule{{Modules: "mlp.*", R: 2}}, AlphaPattern: []spec.AlphaRule{{Modules: `h\.1\..*`, Alpha: 9}},
		},
		{R: 2, Alpha: 6, Bias: spec.BiasAll, TargetModules: []string{"c_attn"}, LayersToTransform: []int{1}},
		{R: 2, Alpha: 6, UseDoRA: true, Bias: spec.BiasLoRAOnly, TargetPattern: spec.AllLinear},
		{R: 2, Alpha: 6, TargetModules: []string{"attn.c_proj"}, ModulesToSave: []string{"wte", "mlp.c_proj", "ln_f", "lm_head"}},
	}
	var jobs []spec.LoRAJob
	for i, config := range configs {
		job := smallJob(t, base)
		config.Dropout = 0.2
		job.LoRA, job.Args.Seed, job.Args.LearningRate = config, int64(i), 2e-3
		jobs = append(jobs, job)
	}
	return jobs
}

func TestAdaptersThatTrainPartsOfOneBaseAtOnceEqualThoseTrainedAlone(t *testing.T) {
	g := readGolden(t)
	for _, bf16 := range []bool{false, true} {
		r := newRunner(t)
		jobs := parts(t, formulaModel(t, r, g.Models["gpt2"], 1))
		for i := range jobs {
			jobs[i].Args.BF16 = bf16
		}
		for _, err := range together(t, r, jobs, make([]*spec.Snapshot, len(jobs)), recorders(len(jobs))) {
			require.NoError(t, err)
		}
		for i, job := range jobs {
			joint := folderBytes(t, job.OutputDir)
			job.OutputDir = t.TempDir()
			require.Equal(t, trained(t, newRunner(t), job), joint, "adapter %d, bf16 %v", i, bf16)
		}
	}
}

func TestAdapterThatTrainsPartsOfTheBaseComesBackByteForByte(t *testing.T) {
	r := newRunner(t)
	for i, job := range parts(t, formulaModel(t, r, readGolden(t).Models["gpt2"], 1)) {
		want := trained(t, r, job)
		stopped := &recorder{yieldAt: 3}
		_, err := r.TrainLoRA(t.Context(), job, nil, stopped)
		require.NoError(t, err)
		third := stopped.saved[3]
		job.OutputDir = t.TempDir()
		_, err = r.TrainLoRA(t.Context(), job, &third, &recorder{})
		require.NoError(t, err)
		require.Equal(t, want, folderBytes(t, job.OutputDir), "adapter %d", i)

		job.Args.GradientCheckpointing, job.OutputDir = true, filepath.Join(t.TempDir(), "again")
		require.Equal(t, want, trained(t, r, job), "adapter %d, blocks run again", i)
	}
}

// A fresh adapter of PEFT's default or gaussian beginning changes nothing, whatever it trains; all its parts are where the base
// is. And training it leaves the base alone.
func TestFreshAdapterIsTheBaseAndLeavesItAlone(t *testing.T) {
	r := newRunner(t)
	g := readGolden(t)
	for i, job := range parts(t, formulaModel(t, r, g.Models["gpt2"], 1)) {
		job.Args.LearningRate = 0
		trained(t, r, job)
		for k, s := range scores(t, r, job.BaseModel, job.OutputDir, g.Texts[1:]) {
			requireNear(t, g.Models["gpt2"].LogProbs[1+k], s.LogProbs, 1e-5)
		}
		job.Args.LearningRate = 1e-2
		job.OutputDir = filepath.Join(t.TempDir(), "moved")
		trained(t, r, job)
		moved := scores(t, r, job.BaseModel, job.OutputDir, g.Texts[1:2])[0].LogProbs
		require.Greater(t, max(float64(moved[0])-g.Models["gpt2"].LogProbs[1][0], g.Models["gpt2"].LogProbs[1][0]-float64(moved[0])), 1e-3, "adapter %d was trained", i)
		for k, s := range scores(t, r, job.BaseModel, "", g.Texts[1:]) {
			requireNear(t, g.Models["gpt2"].LogProbs[1+k], s.LogProbs, 1e-5)
		}
	}
}
