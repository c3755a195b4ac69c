package configs

import (
	"path/filepath"
	"slices"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

func TestEveryKeyOfAPPOFileIsRead(t *testing.T) {
	base := map[string]any{
		"base_model": "b", "reward_model_path": "r", "output_dir": "o", "train_data_path": "t", "eval_data_path": "e",
		"lora_config.target_modules": []any{"q_proj"}, "ppo_config.total_episodes": 1000, "training_args.learning_rate": 0.5,
	}
	// Shown by the tests below: the policy's adapter is given or described; some keys go with others only.
	shown := []string{"sft_model_path", "kl_coef", "init_kl_coef", "target", "horizon", "target_kl", "missing_eos_penalty", "use_score_norm", "dropout"}
	served := ppoJobKeys(&spec.PPOJob{}, "")
	without := func(s *section) {
		s.keys = slices.DeleteFunc(s.keys, func(k key) bool { return slices.Contains(shown, k.name) })
	}
	without(served)
	for _, k := range served.keys {
		if k.object != nil {
			without(k.object)
		}
	}
	prove(t, served, base, func(doc map[string]any) (any, error) {
		job, _, err := readPPOJob(tree(t, doc, "/d"))
		return job, err
	}, ppoUnread...)
}

// ppoUnread are fields that other trainings' keys fill, and those of the keys shown below.
var ppoUnread = []string{
	".SFTModelPath", ".LoRA.Dropout", ".LoRA.TaskType", ".PPO.KLCoef", ".PPO.InitKLCoef", ".PPO.Target", ".PPO.Horizon", ".PPO.TargetKL", ".PPO.MissingEOSPenalty",
	".PPO.UseScoreNorm", ".Scorers[].Name", ".Scorers[].Kind", ".Scorers[].Weight", ".Scorers[].Words", ".Scorers[].Rules", ".Scorers[].URL", ".Scorers[].Timeout", ".Scorers[].Retries",
	".Args.NumTrainEpochs", ".Args.MaxSteps", ".Args.PerDeviceEvalBatchSize", ".Args.DataloaderDropLast", ".Args.LabelSmoothingFactor", ".Args.GradientCheckpointing",
	".Args.EvalStrategy", ".Args.EvalSteps", ".Args.EvalRatio", ".Args.EvalDelay", ".Args.EvalOnStart", ".Args.LoadBestModelAtEnd", ".Args.MetricForBestModel", ".Args.GreaterIsBetter",
	".Args.EarlyStoppingPatience", ".Args.EarlyStoppingThreshold", ".Args.FP16", ".Args.TrainSamplingStrategy",
}

func ppoFile(more string) string {
	return `{"base_model": "model", "reward_model_path": "model", "output_dir": "policy", "train_data_path": "prompts.jsonl", "eval_data_path": "prompts.jsonl",` + more + `}`
}

func TestPPOFile(t *testing.T) {
	dir := t.TempDir()
	writeAt(t, filepath.Join(dir, "model/config.json"), "{}")
	writeAt(t, filepath.Join(dir, "prompts.jsonl"), "{}")
	path := filepath.Join(dir, "ppo.json")
	writeAt(t, path, ppoFile(`"sft_model_path": "model",
 "ppo_config": {"total_episodes": 100, "adap_kl_ctrl": true, "init_kl_coef": 0.3, "target": 4, "horizon": 500, "early_stopping": true, "target_kl": 0.2,
 "missing_eos_penalty": 1, "use_score_scaling": true, "use_score_norm": true}`))
	job, warnings, err := LoadPPOJob(path)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, filepath.Join(dir, "model"), job.SFTModelPath)
	require.Equal(t, filepath.Join(dir, "policy_checkpoints"), job.Args.OutputDir)
	require.Equal(t, []any{0.3, 4.0, 500.0, 0.2, 1.0, true}, []any{job.PPO.InitKLCoef, job.PPO.Target, job.PPO.Horizon, job.PPO.TargetKL, job.PPO.MissingEOSPenalty, job.PPO.UseScoreNorm})
	require.Equal(t, []any{3e-6, int64(1), 0.95, 53, 0.7}, []any{job.Args.LearningRate, job.Args.LoggingSteps, job.PPO.Lam, job.PPO.ResponseLength, job.PPO.Temperature}, "TRL's defaults")

	for block, want := range map[string]string{
		`"ppo_config": {"total_episodes": 9, "cliprang": 1}`:                                                             `ppo.json:1: ppo_config.cliprang: unknown key (did you mean "cliprange"?)`,
		`"sft_model_path": "model", "ppo_config": {"total_episodes": 9}, "lora_config": {"target_modules": ["q_proj"]}`:  "ppo.json:1: lora_config: is not read: the adapters of sft_model_path and reward_model_path bring their own",
		`"ppo_config": {"total_episodes": 9}`:                                                                            "ppo.json:1: lora_config.target_modules: missing, expected it or sft_model_path",
		`"sft_model_path": "model", "ppo_config": {"total_episodes": 9, "target": 4}`:                                    "ppo.json:1: ppo_config.target: is not read: adap_kl_ctrl is false",
		`"sft_model_path": "model", "ppo_config": {"total_episodes": 9, "adap_kl_ctrl": true, "kl_coef": 0.1}`:           "ppo.json:1: ppo_config.kl_coef: is not read: adap_kl_ctrl is true and begins at init_kl_coef",
		`"sft_model_path": "model", "ppo_config": {"total_episodes": 9, "target_kl": 0.1}`:                               "ppo.json:1: ppo_config.target_kl: is not read: early_stopping is false",
		`"ppo_config": {"total_episodes": 9}, "lora_config": {"target_modules": ["q_proj"], "dropout": 0.1}`:             "ppo.json:1: ppo_config: lora_config: dropout 0.1, expected 0: PPO draws and learns without",
		`"sft_model_path": "model", "ppo_config": {"total_episodes": 9, "use_score_norm": true}`:                         "ppo.json:1: ppo_config: use_score_norm is set without use_score_scaling, expected both: the mean is taken off where scores are divided by their deviation",
		`"sft_model_path": "model", "ppo_config": {"total_episodes": 9, "stop_token": "none", "missing_eos_penalty": 1}`: "ppo.json:1: ppo_config: missing_eos_penalty 1 with stop_token none, expected 0: nothing ends an answer",
		`"scorers": []`: "ppo.json:1: scorers: the list is empty, expected at least one entry",
		`"scorers": [{"name": "a", "kind": "reward"}, {"name": "b", "kind": "length", "word": 3}]`: `ppo.json:1: scorers[].word: unknown key (did you mean "words"?)`,
		`"scorers": [{"name": "a", "kind": "length"}]`:                                             "ppo.json:1: scorers[0]: words is 0, expected at least 1",
		`"scorers": [{"name": "a", "kind": "reward"}, {"name": "a", "kind": "safety"}]`:            `ppo.json:1: scorers[1]: a second scorer is called "a", expected names that differ`,
		`"scorers": [{"name": "a", "kind": "safety", "rules": ["no-such"]}]`:                       `ppo.json:1: scorers[0]: rule "no-such": expected one of [`,
		`"scorers": [{"name": "a", "kind": "safety", "url": "http://h"}]`:                          `ppo.json:1: scorers[0]: url belongs to kind http, this is "safety"`,
		`"sft_model_path": "none", "ppo_config": {"total_episodes": 9}`:                            "ppo.json:1: cannot be opened: no such file or directory, expected a PEFT folder",
	} {
		writeAt(t, path, ppoFile(block))
		_, _, err := LoadPPOJob(path)
		require.ErrorContains(t, err, want[len("ppo.json:1: "):])
	}
}

func TestTrainingArgsThatPPOWouldIgnoreAreRefusedByName(t *testing.T) {
	for key, value := range map[string]any{
		"num_train_epochs": 2, "max_steps": 5, "eval_strategy": "steps", "evaluation_strategy": "steps", "load_best_model_at_end": true, "label_smoothing_factor": 0.1,
		"gradient_checkpointing": true, "early_stopping_patience": 2, "fp16": true, "train_sampling_strategy": "sequential", "group_by_length": true,
	} {
		_, _, err := readPPOJob(tree(t, map[string]any{"training_args": map[string]any{key: value}}, "/d"))
		require.ErrorContains(t, err, key)
	}
}
