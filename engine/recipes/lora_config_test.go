//go:build torch

package recipes

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

func TestWhatAConfigurationSaysForNothingIsRefused(t *testing.T) {
	r := newRunner(t)
	gpt2 := formulaModel(t, r, readGolden(t).Models["gpt2"], 1)
	cases := map[string]struct {
		config spec.LoRAConfig
		want   string
	}{
		"unknown target":        {spec.LoRAConfig{TargetModules: []string{"q_proj"}}, `target module "q_proj" is not in the model (gpt2): expected of c_attn, c_fc, c_proj`},
		"pattern for no module": {spec.LoRAConfig{TargetPattern: "c_attn"}, `target_modules "c_attn", without what is excluded, names no linear layer of the model (gpt2)`},
		"pattern beyond RE2":    {spec.LoRAConfig{TargetPattern: `.*(?=c_attn)c_attn`}, `target_modules: ".*(?=c_attn)c_attn" is not a regular expression (RE2)`},
		"norm":                  {spec.LoRAConfig{TargetModules: []string{"c_attn", "ln_1"}}, `target_modules names "transformer.h.0.ln_1", which is not a linear layer inside the blocks`},
		"head":                  {spec.LoRAConfig{TargetPattern: "lm_head|.*c_fc"}, `target_modules names "lm_head", which is not a linear layer inside the blocks`},
		"block":                 {spec.LoRAConfig{TargetModules: []string{"h.0"}}, `target_modules names "transformer.h.0", which is not a linear layer inside the blocks`},
		"all excluded":          {spec.LoRAConfig{TargetModules: []string{"c_fc"}, ExcludePattern: ".*mlp.*"}, `target_modules ["c_fc"], without what is excluded, names no linear layer`},
		"idle exclusion":        {spec.LoRAConfig{TargetPattern: spec.AllLinear, ExcludeModules: []string{"up_proj"}}, `exclude_modules: "up_proj" is not in the model (gpt2)`},
		"idle exclusion, text":  {spec.LoRAConfig{TargetPattern: spec.AllLinear, ExcludePattern: "mlp"}, `exclude_modules: "mlp" matches no module of the model (gpt2)`},
		"layer that is not":     {spec.LoRAConfig{TargetModules: []string{"c_fc"}, LayersToTransform: []int{1, 2}}, `layers_to_transform: no target module is in layer 2 of the model's 2`},
		"idle rank":             {spec.LoRAConfig{TargetModules: []string{"c_fc"}, RankPattern: []spec.RankRule{{Modules: "c_attn", R: 2}}}, `rank_pattern: "c_attn" matches no target module`},
		"idle alpha":            {spec.LoRAConfig{TargetModules: []string{"c_fc"}, AlphaPattern: []spec.AlphaRule{{Modules: "fc", Alpha: 2}}}, `alpha_pattern: "fc" matches no target module`},
		"saved module":          {spec.LoRAConfig{TargetModules: []string{"c_fc"}, ModulesToSave: []string{"embed_tokens"}}, `modules_to_save: "embed_tokens" is not in the model (gpt2)`},
		"saved and adapted":     {spec.LoRAConfig{TargetModules: []string{"c_fc"}, ModulesToSave: []string{"_fc"}}, `modules_to_save: "_fc" is trained whole and target_modules adapts transformer.h.0.mlp.c_fc`},
	}
	for name, c := range cases {
		c.config.R, c.config.Alpha = 2, 4
		over(t, r, gpt2, func(b *base) error {
			before := r.Engine.Live()
			_, err := lora.New(b.model, 0, c.config, 1)
			require.ErrorContains(t, err, c.want, name)
			require.True(t, fault.Is(err, fault.Invalid), name)
			require.Equal(t, before, r.Engine.Live(), name)
			return nil
		})
	}
}

func TestPEFTFolderThatWouldBeMisreadIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"another way to begin": {`"init_lora_weights": "pissa"`, `init_lora_weights is "pissa", which is not supported, expected true, false or gaussian`},
		"tied copies":          {`"ensure_weight_tying": true, "modules_to_save": ["wte"]`, `ensure_weight_tying is true, which is not supported`},
		"adapted parameters":   {`"target_parameters": ["mlp.experts"]`, `target_parameters is ["mlp.experts"], which is not supported`},
		"bias of another kind": {`"bias": "boft_only"`, `bias is "boft_only", expected none, all or lora_only`},
		"lookahead":            {`"exclude_modules": "(?!x).*"`, `exclude_modules: "(?!x).*" is not a regular expression (RE2)`},
		"rank of nothing":      {`"rank_pattern": {"q_proj": 0}`, `rank_pattern: "q_proj" has rank 0, expected a positive rank`},
		"rules in a list":      {`"alpha_pattern": ["q_proj"]`, `expected an object of patterns`},
	} {
		dir := t.TempDir()
		file := `{"peft_type": "LORA", "target_modules": ["q_proj"], ` + c.config + `}`
		require.NoError(t, os.WriteFile(filepath.Join(dir, "adapter_config.json"), []byte(file), 0o644))
		_, err := lora.ReadConfig(dir)
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, filepath.Join(dir, "adapter_config.json"), name)
		require.True(t, fault.Is(err, fault.Invalid), name)
	}
}

// The first rule that matches counts, so the order of rules is part of an adapter.
func TestRulesKeepTheirOrderInTheFile(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.LoRA.RankPattern = []spec.RankRule{{Modules: "up|q_proj", R: 3}, {Modules: `.*layers\.0\..*<?`, R: 2}}
	job.LoRA.AlphaPattern = []spec.AlphaRule{{Modules: "v_proj", Alpha: 1.5}, {Modules: "down_proj", Alpha: 4}}
	job.LoRA.Bias, job.LoRA.InitWeights = spec.BiasAll, spec.InitRandom
	files := trained(t, r, job)
	require.Contains(t, strings.Join(strings.Fields(files["adapter_config.json"]), ""), `"rank_pattern":{"up|q_proj":3,".*layers\\.0\\..*<?":2}`)
	saved, err := lora.ReadConfig(job.OutputDir)
	require.NoError(t, err)
	job.LoRA.TargetModules = []string{"down_proj", "q_proj", "v_proj"}
	require.Equal(t, job.LoRA, saved)
	for name, values := range matrices(t, r, files["adapter_model.safetensors"]) {
		rank := 4
		switch {
		case strings.Contains(name, "q_proj"):
			rank = 3
		case strings.Contains(name, "layers.0."):
			rank = 2
		}
		if strings.HasSuffix(name, "q_proj.lora_A.weight") || strings.HasSuffix(name, "v_proj.lora_A.weight") {
			require.Len(t, values, rank*64, name)
		}
	}
}

func TestGaussianAndRandomBeginnings(t *testing.T) {
	r := newRunner(t)
	begin := func(init spec.LoRAInit) (down, up []float64) {
		over(t, r, tinyModel(t, r), func(b *base) error {
			adapter, err := lora.New(b.model, 0, spec.LoRAConfig{R: 16, Alpha: 16, TargetPattern: spec.AllLinear, InitWeights: init}, 5)
			if err != nil {
				return err
			}
			defer adapter.Detach()
			for _, p := range adapter.Params {
				for _, v := range p.Tensor.Float32s() {
					if strings.HasSuffix(p.Name, "lora_A.weight") {
						down = append(down, float64(v))
					} else {
						up = append(up, float64(v))
					}
				}
			}
			return nil
		})
		return down, up
	}
	spread := func(values []float64) (deviation, largest float64) {
		for _, v := range values {
			deviation += v * v
			largest = max(largest, math.Abs(v))
		}
		return math.Sqrt(deviation / float64(len(values))), largest
	}
	down, up := begin(spec.InitGaussian)
	deviation, largest := spread(down)
	require.InDelta(t, 1./16, deviation, 1e-3, "a standard deviation of 1/r")
	require.Greater(t, largest, 3./16, "a normal distribution has tails")
	_, largest = spread(up)
	require.Zero(t, largest)

	_, up = begin(spec.InitRandom)
	deviation, largest = spread(up)
	require.InDelta(t, 0.25/math.Sqrt(3), deviation, 2e-3, "uniform in ±1/sqrt(r)")
	require.InDelta(t, 0.25, largest, 1e-3)
}

// The guide's padding token makes the base's embeddings larger, and an adapter may have some of them as copies of its own.
func TestSavedEmbeddingsWithANewTokenComeBack(t *testing.T) {
	r := newRunner(t)
	for _, model := range []string{"gpt2", "mistral"} { // tied, untied
		base := formulaModel(t, r, readGolden(t).Models[model], 1)
		input := map[string]string{"gpt2": "wte", "mistral": "embed_tokens"}[model]
		target := map[string]string{"gpt2": "c_attn", "mistral": "q_proj"}[model]
		for _, saved := range [][]string{{input}, {"lm_head"}, {input, "lm_head"}} {
			job := smallJob(t, base)
			job.LoRA.TargetModules, job.LoRA.ModulesToSave, job.AddPadToken = []string{target}, saved, true
			job.EvalDataPath, job.Args.EvalStrategy, job.Args.EvalSteps = job.TrainDataPath, "steps", 8
			files := trained(t, r, job)
			file, err := tensor.ReadSafetensors("adapter_model.safetensors", []byte(files["adapter_model.safetensors"]))
			require.NoError(t, err)
			shape, ok := file.Shape("base_model.model.lm_head.weight")
			require.True(t, ok)
			require.EqualValues(t, 258, shape[0])
			for _, addPad := range []bool{true, false} {
				out, err := r.Evaluate(t.Context(), spec.EvaluateJob{
					BaseModel: base, Adapter: job.OutputDir, EvalDataPath: job.EvalDataPath, MaxLength: 64, AddPadToken: addPad, Prompts: []string{"What is"}, MaxNewTokens: 2,
				}, func(spec.Progress) {})
				require.NoError(t, err, "%s %v", model, saved)
				require.InEpsilon(t, lastEvaluation(t, files), out.AdapterNLL/float64(out.Tokens), 1e-6, "%s %v, padding token %v", model, saved, addPad)
			}
		}
	}
}

// lastEvaluation is the held-out loss that a training ended with.
func lastEvaluation(t *testing.T, files map[string]string) float64 {
	t.Helper()
	var state train.State
	require.NoError(t, json.Unmarshal([]byte(files[train.StateFile]), &state))
	var last *float64
	for _, entry := range state.LogHistory {
		if entry.EvalLoss != nil {
			last = entry.EvalLoss
		}
	}
	require.NotNil(t, last)
	return *last
}
