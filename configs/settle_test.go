package configs

import (
	"os"
	"strings"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

// withEval is guideLike with held-out rows, so that an evaluation may be asked for.
func withEval(t *testing.T, old, replacement string) string {
	t.Helper()
	path := guideLike(t, old, replacement)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content = []byte(strings.Replace(string(content), `"train_data_path"`, `"eval_data_path": "train.jsonl", "train_data_path"`, 1))
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// The rules are those of transformers' TrainingArguments, of its EarlyStoppingCallback and of PEFT's LoraConfig.
func TestContradictionsAreRefusedWithThePlaceOfTheKey(t *testing.T) {
	const rate, targets = `"learning_rate": 2e-4`, `"target_modules": ["c_attn"]`
	const steps = `"eval_strategy": "steps", "eval_steps": 20, "save_steps": 50, `
	for name, c := range map[string]struct{ old, replacement, want string }{
		"best step without evaluation": {rate, `"load_best_model_at_end": true`,
			`job.json:11: training_args.load_best_model_at_end: needs an evaluation at every save, expected eval_strategy ("no") and save_strategy ("steps") to be steps or epoch alike, or save_strategy to be best`},
		"best step with strategies that differ": {rate, `"load_best_model_at_end": true, "eval_strategy": "epoch"`,
			`job.json:11: training_args.load_best_model_at_end: needs an evaluation at every save, expected eval_strategy ("epoch") and save_strategy ("steps") to be steps or epoch alike, or save_strategy to be best`},
		"best step that nothing is saved of": {rate, `"load_best_model_at_end": true, "save_strategy": "no"`,
			`job.json:11: training_args.load_best_model_at_end: needs an evaluation at every save, expected eval_strategy ("no") and save_strategy ("no") to be steps or epoch alike, or save_strategy to be best`},
		"saves between evaluations":        {rate, steps + `"load_best_model_at_end": true`, "job.json:11: training_args.load_best_model_at_end: needs save_steps to be a multiple of eval_steps"},
		"shares that do not fall together": {rate, `"eval_strategy": "steps", "eval_steps": 0.2, "save_steps": 0.5, "load_best_model_at_end": true`, "job.json:11: training_args.load_best_model_at_end: needs save_steps to be a multiple of eval_steps"},
		"a share and a number of steps":    {rate, `"eval_strategy": "steps", "eval_steps": 0.1, "save_steps": 50, "load_best_model_at_end": true`, "job.json:11: training_args.load_best_model_at_end: needs save_steps and eval_steps to be both a number of steps or both a share"},
		"saving the best of nothing":       {rate, `"eval_strategy": "steps", "save_strategy": "best"`, `job.json:11: training_args.save_strategy: is "best", which needs metric_for_best_model`},
		"saving the best unmeasured":       {rate, `"save_strategy": "best", "metric_for_best_model": "loss"`, `job.json:11: training_args.save_strategy: is "best", which needs an eval_strategy`},
		"patience without evaluation":      {rate, `"early_stopping_patience": 2`, `job.json:11: training_args.early_stopping_patience: needs an eval_strategy, found "no"`},
		"threshold without patience":       {rate, `"early_stopping_threshold": 0.1`, "job.json:11: training_args.early_stopping_threshold: is given without early_stopping_patience, expected both or neither"},
		"direction without a metric":       {rate, `"greater_is_better": true`, "job.json:11: training_args.greater_is_better: is given without metric_for_best_model, expected both or neither"},
		"a metric that nobody measures":    {rate, `"metric_for_best_model": "accuracy"`, `job.json:11: training_args.metric_for_best_model: expected one of loss, eval_loss, found the text "accuracy"`},
		"argument of another course":       {rate, `"lr_scheduler_kwargs": {"num_cycles": 2}`, "job.json:11: training_args.lr_scheduler_kwargs.num_cycles: linear does not take it, expected none"},
		"unknown argument":                 {rate, `"lr_scheduler_kwargs": {"num_cycle": 2}`, `job.json:11: training_args.lr_scheduler_kwargs.num_cycle: unknown key (did you mean "num_cycles"?)`},
		"course without its argument":      {rate, `"lr_scheduler_type": "warmup_stable_decay"`, "job.json:10: training_args.lr_scheduler_kwargs: warmup_stable_decay needs num_decay_steps"},
		"a fraction of a step":             {rate, `"save_steps": 1.5`, "job.json:11: training_args.save_steps: expected a whole number from 1 to 100000000, or a share of the steps above 0 and below 1, found 1.5"},
		"no step":                          {rate, `"logging_steps": 0`, "job.json:11: training_args.logging_steps: expected a whole number from 1 to 100000000, or a share of the steps above 0 and below 1, found 0"},
		"unknown optimiser":                {rate, `"optim": "adafactor"`, `job.json:11: training_args.optim: the text "adafactor" is not supported: AdamW is the optimiser, expected adamw_torch or adamw_torch_fused, which are one here`},
		"layers of a pattern":              {targets, `"target_modules": ".*attn", "layers_to_transform": [1]`, "job.json:8: lora_config.layers_to_transform: does not go with target_modules that is one text, expected a list of module names there"},
		"layer names without layers":       {targets, targets + `, "layers_pattern": "h"`, "job.json:8: lora_config.layers_pattern: is given without layers_to_transform, expected both or neither"},
		"a layer twice":                    {targets, targets + `, "layers_to_transform": [1, 1]`, "job.json:8: lora_config.layers_to_transform: 1 stands there twice"},
		"a layer below the first":          {targets, targets + `, "layers_to_transform": [-1]`, "job.json:8: lora_config.layers_to_transform: expected a whole number from 0 to 65536, or a list of them, found -1"},
		"a pattern that is none":           {targets, `"target_modules": "(attn"`, `job.json:8: lora_config.target_modules: expected a regular expression (RE2), found the text "(attn"`},
		"a pattern for Python alone":       {targets, `"target_modules": ".*(?<=attn)"`, `job.json:8: lora_config.target_modules: expected a regular expression (RE2), found the text ".*(?<=attn)"`},
		"rank of zero for a pattern":       {targets, targets + `, "rank_pattern": {"q_proj": 0}`, "job.json:8: rank_pattern.q_proj: expected a whole number from 1 to 1024, found 0"},
		"rank of a bad pattern":            {targets, targets + `, "rank_pattern": {"(": 4}`, `job.json:8: rank_pattern: "(": expected a regular expression (RE2) for the end of a module's name`},
		"ranks in a list":                  {targets, targets + `, "rank_pattern": [4]`, "job.json:8: lora_config.rank_pattern: expected a block of patterns with a rank each, found a list"},
		"alpha as text":                    {targets, targets + `, "alpha_pattern": {"q_proj": "4"}`, `job.json:8: alpha_pattern.q_proj: expected a number above 0 and at most 65536, found the text "4"`},
		"initialisation not built":         {targets, targets + `, "init_lora_weights": "pissa"`, `job.json:8: lora_config.init_lora_weights: expected true, false or gaussian, found the text "pissa"`},
		"initialisation in quotes":         {targets, targets + `, "init_lora_weights": "true"`, `job.json:8: lora_config.init_lora_weights: expected true, false or gaussian, found the text "true"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := withEval(t, c.old, c.replacement)
			_, _, err := decodedFrom(t, path)
			refused(t, err, path, c.want)
		})
	}
}

func TestAcceptedCombinationsOfBestStepAndSaves(t *testing.T) {
	for _, text := range []string{
		`"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 25, "save_steps": 50`,
		`"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 0.1, "save_steps": 0.3`,
		`"load_best_model_at_end": true, "eval_strategy": "epoch", "save_strategy": "epoch"`,
		`"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 7, "save_strategy": "best"`,
		`"early_stopping_patience": 2, "eval_strategy": "epoch"`,
	} {
		job, _, err := decodedFrom(t, withEval(t, `"learning_rate": 2e-4`, text))
		require.NoError(t, err, text)
		require.Equal(t, "loss", job.Args.MetricForBestModel, "transformers' default where a metric is needed")
		require.False(t, job.Args.GreaterIsBetter)
	}
}

func TestLoRABlockInAllItsForms(t *testing.T) {
	job, _, err := decodedFrom(t, guideLike(t, `"target_modules": ["c_attn"]`, `"target_modules": "all-linear", "exclude_modules": ".*\\.0\\..*", "use_rslora": true, "bias": "lora_only",
    "rank_pattern": {"mlp.*": 4, "c_attn": 8, "b": 2}, "alpha_pattern": {"h.0.attn.c_attn": 12.5}, "modules_to_save": ["wte"], "init_lora_weights": false`))
	require.NoError(t, err)
	require.Equal(t, spec.LoRAConfig{
		R: 16, Alpha: 32, Bias: "lora_only", TargetPattern: "all-linear", ExcludePattern: `.*\.0\..*`, UseRSLoRA: true,
		RankPattern:  []spec.RankRule{{Modules: "mlp.*", R: 4}, {Modules: "c_attn", R: 8}, {Modules: "b", R: 2}}, // the first that matches counts
		AlphaPattern: []spec.AlphaRule{{Modules: "h.0.attn.c_attn", Alpha: 12.5}}, ModulesToSave: []string{"wte"}, InitWeights: spec.InitRandom,
	}, job.LoRA)

	job, _, err = decodedFrom(t, guideLike(t, `"r": 16`, `"r": 16, "layers_to_transform": 3, "layers_pattern": "h", "exclude_modules": ["mlp.c_proj"], "init_lora_weights": "gaussian", "use_dora": true`))
	require.NoError(t, err)
	require.Equal(t, []int{3}, job.LoRA.LayersToTransform)
	require.Equal(t, []string{"h"}, job.LoRA.LayersPattern)
	require.Equal(t, []string{"mlp.c_proj"}, job.LoRA.ExcludeModules)
	require.Equal(t, spec.InitGaussian, job.LoRA.InitWeights)

	job, _, err = decodedFrom(t, guideLike(t, `"r": 16`, `"r": 16, "layers_to_transform": null, "layers_pattern": null, "exclude_modules": null, "modules_to_save": null, "rank_pattern": {}, "alpha_pattern": null, "init_lora_weights": true`))
	require.NoError(t, err)
	require.Equal(t, spec.LoRAConfig{R: 16, Alpha: 32, Bias: "none", TargetModules: []string{"c_attn"}}, job.LoRA, "PEFT's defaults, written out")
}

func TestTargetModulesFromTheEnvironment(t *testing.T) {
	for word, want := range map[string]spec.LoRAConfig{
		"q_proj,v_proj": {TargetModules: []string{"q_proj", "v_proj"}}, "all-linear": {TargetPattern: "all-linear"},
	} {
		withoutVariables(t)
		t.Setenv("ELARA_DEFAULTS_LORA_CONFIG_TARGET_MODULES", word)
		file := tree(t, map[string]any{"name": "p", "base.path": "b", "prepare.sources": []any{map[string]any{"path": "s"}}, "adapters": []any{map[string]any{"name": "a", "audience": "patient"}}}, "/d")
		p, err := decodePipeline(file, nil)
		require.NoError(t, err)
		require.Equal(t, want.TargetModules, p.Input.Adapters[0].LoRA.TargetModules)
		require.Equal(t, want.TargetPattern, p.Input.Adapters[0].LoRA.TargetPattern)
	}
}
