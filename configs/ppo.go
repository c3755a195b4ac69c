package configs

import (
	"slices"

	"elara/spec"
)

// ppoConfigKeys is TRL 0.11.4's PPOv2Config, with its defaults, and of the same release's PPOConfig what it lacks: the adaptive KL
// controller, the scaling of scores and the early end of an iteration.
func ppoConfigKeys(c *spec.PPOConfig) *section {
	share, positive := interval{low: 0, high: 1}, interval{low: 0, high: 1e9, openLow: true}
	bound := interval{low: 0, high: 1e9}
	return &section{keys: []key{
		integer("total_episodes", &c.TotalEpisodes, 0, 1, maxSteps, "Answers of the whole run.").require(),
		integer("num_ppo_epochs", &c.NumPPOEpochs, 4, 1, 1000, "Epochs over the answers of an iteration."),
		integer("num_mini_batches", &c.NumMiniBatches, 1, 1, maxBatch, "Optimiser steps in such an epoch."),
		integer("num_generations", &c.NumGenerations, 1, 1, maxBatch, "Answers to each prompt of an iteration; the prompt is computed once for them."),
		integer("local_rollout_forward_batch_size", &c.LocalRolloutForwardBatchSize, 64, 1, maxBatch, "Answers that are drawn, measured and judged at once."),
		integer("num_sample_generations", &c.NumSampleGenerations, 10, 0, maxSteps, "Tables of answers to the prompts of eval_data_path over the run, in a pipeline to the first 16 prompts; 0: none."),
		integer("response_length", &c.ResponseLength, 53, 1, maxRowTokens, "Tokens of an answer at most."),
		choice("stop_token", &c.StopToken, spec.StopTokenEOS, []string{spec.StopTokenEOS, spec.StopTokenNone}, "What ends an answer: the tokenizer's end-of-text token, or only its length."),
		number("temperature", &c.Temperature, 0.7, interval{low: 0, high: 100, openLow: true}, "Temperature of the answers, and of all log-probabilities."),
		number("missing_eos_penalty", &c.MissingEOSPenalty, 0, bound, "Subtracted from the score of an answer that did not end by itself."),
		boolean("whiten_rewards", &c.WhitenRewards, false, "Divide the rewards of an iteration by their deviation."),
		number("kl_coef", &c.KLCoef, 0.05, bound, "Weight of the KL from the reference in the reward."),
		choice("kl_estimator", &c.KLEstimator, "k1", []string{"k1", "k3"}, "Estimate of the KL at a token."),
		number("cliprange", &c.ClipRange, 0.2, positive, "Range of the probability ratio around 1."),
		number("vf_coef", &c.VFCoef, 0.1, bound, "Weight of the value loss."),
		number("cliprange_value", &c.ClipRangeValue, 0.2, positive, "Range of a value around the one before the update."),
		number("gamma", &c.Gamma, 1, share, "Discount of rewards to come."),
		number("lam", &c.Lam, 0.95, share, "Lambda of generalised advantage estimation."),
		boolean("adap_kl_ctrl", &c.AdapKLCtrl, false, "Let the weight of the KL follow it, from init_kl_coef on; then kl_coef is not given."),
		number("init_kl_coef", &c.InitKLCoef, 0.2, positive, "First weight of the KL, for adap_kl_ctrl."),
		number("target", &c.Target, 6, positive, "KL of an answer that adap_kl_ctrl aims at, in nats."),
		number("horizon", &c.Horizon, 10000, positive, "Episodes in which adap_kl_ctrl corrects an error."),
		boolean("use_score_scaling", &c.UseScoreScaling, false, "Divide scores by their running deviation."),
		boolean("use_score_norm", &c.UseScoreNorm, false, "Subtract their running mean first."),
		number("score_clip", &c.ScoreClip, 0, bound, "Limit of a score on either side; 0: none."),
		boolean("early_stopping", &c.EarlyStopping, false, "End an iteration where its approximate KL is over 1.5 times target_kl."),
		number("target_kl", &c.TargetKL, 1, positive, "For early_stopping."),
		block("guard", ppoGuardKeys(&c.Guard), "Bounds beyond which the run ends and the last policy within them is kept; 0 leaves a bound out."),
	}}
}

// ppoGuardKeys is ours.
func ppoGuardKeys(g *spec.PPOGuard) *section {
	bound := interval{low: 0, high: 1e9}
	return &section{keys: []key{
		number("max_kl", &g.MaxKL, 50, bound, "KL of an answer from the reference, in nats."),
		number("max_negative_kl", &g.MaxNegativeKL, 5, bound, "The same below 0, where only chance or a mistake leads."),
		number("max_reward_drop", &g.MaxRewardDrop, 3, bound, "Fall of the mean score below that of the first iteration, in deviations of its scores."),
		number("min_entropy_share", &g.MinEntropyShare, 0.05, interval{low: 0, high: 1}, "Share of the first iteration's entropy."),
		number("max_length_factor", &g.MaxLengthFactor, 8, bound, "Times as long as the first iteration's answers, or as short."),
		number("min_eos_rate", &g.MinEOSRate, 0, interval{low: 0, high: 1}, "Share of the answers that end by themselves."),
		integer("patience", &g.Patience, 3, 1, maxSteps, "Iterations in a row beyond a bound that end the run."),
	}}
}

// ppoArgsKeys is what PPO honours of the training arguments; the others are refused by name.
func ppoArgsKeys(a *spec.TrainingArgs) *section {
	args := changedArgsKeys(a, 3e-6, 1)
	idle := map[string]string{
		"num_train_epochs": "ppo_config.total_episodes says how long a run is", "max_steps": "ppo_config.total_episodes says how long a run is",
		"dataloader_drop_last": "prompts that do not fill an iteration are left out always", "train_sampling_strategy": "prompts are shuffled always",
		"label_smoothing_factor": "PPO has no labels", "gradient_checkpointing": "it is not built into this training", "fp16": "expected bf16 or neither",
	}
	for _, name := range []string{
		"per_device_eval_batch_size", "eval_strategy", "eval_steps", "eval_delay", "eval_on_start", "load_best_model_at_end", "metric_for_best_model",
		"greater_is_better", "early_stopping_patience", "early_stopping_threshold",
	} {
		idle[name] = "PPO has no held-out loss; see ppo_config.num_sample_generations"
	}
	args.keys = slices.DeleteFunc(args.keys, func(k key) bool {
		why, isIdle := idle[k.name]
		if isIdle {
			names := append([]string{k.name}, k.aliases...)
			if k.former != nil {
				names = append(names, k.former.name)
			}
			for _, name := range names {
				args.foreign = append(args.foreign, refuse(why, named(name))...)
			}
		}
		return isIdle
	})
	// Without best: nothing tells a best step.
	*args.row("save_strategy") = choice("save_strategy", &a.SaveStrategy, spec.StrategySteps, []string{spec.StrategyNo, spec.StrategySteps, spec.StrategyEpoch}, "When a checkpoint is saved.")
	args.keys = append(args.keys, checkpointsKey(a))
	return args
}

// ppoJobKeys is the table of a PPO file, or of a block that stands at a path.
func ppoJobKeys(job *spec.PPOJob, at string) *section {
	adapter := loraConfigKeys(&job.LoRA)
	documentedIn("lora_config", adapter.keys)
	adapter.row("target_modules").required = false // two adapters that are given bring their own
	return &section{keys: []key{
		path("base_model", &job.BaseModel, "", "Base model: a folder in Hugging Face form, or a .gguf file.").require(),
		path("sft_model_path", &job.SFTModelPath, "", "Adapter that the policy begins as and that stays its reference; without it a fresh adapter, with the base for its reference."),
		path("reward_model_path", &job.RewardModelPath, "", "Adapter of the reward model, over the same base; the value function begins as a copy of it.").require(),
		scorersKey(&job.Scorers, at),
		path("output_dir", &job.OutputDir, "", "Folder for the policy's adapter; that of the value function lies beside it, with _value at the end.").require(),
		path("train_data_path", &job.TrainDataPath, "", `Prompts: JSONL of {"text": ...}.`).require(),
		path("eval_data_path", &job.EvalDataPath, "", "Prompts whose answers are kept before and after, in samples.jsonl."),
		block("lora_config", adapter, "The policy's adapter, where sft_model_path gives none; with the keys of a training file."),
		block("ppo_config", ppoConfigKeys(&job.PPO), "The algorithm, under TRL's names."),
		block("training_args", ppoArgsKeys(&job.Args), "The training, with the keys of a training file. A step is an iteration; its answers are per_device_train_batch_size x gradient_accumulation_steps x num_mini_batches."),
	}}
}

// LoadPPOJob reads a run of PPO in the form of the guide's other files. Relative paths are relative to the file. What it names
// must exist.
func LoadPPOJob(path string) (spec.PPOJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.PPOJob{}, nil, err
	}
	job, tree, err := readPPOJob(tree)
	if err != nil {
		return spec.PPOJob{}, nil, err
	}
	if err := findInputs(tree, input{"base_model", job.BaseModel, modelInput},
		input{"sft_model_path", job.SFTModelPath, adapterInput}, input{"reward_model_path", job.RewardModelPath, adapterInput},
		input{"train_data_path", job.TrainDataPath, rowsInput}, input{"eval_data_path", job.EvalDataPath, rowsInput}); err != nil {
		return spec.PPOJob{}, nil, err
	}
	return job, tree.warnings(), nil
}

// readPPOJob also gives the tree under the tables' own spelling, with its notes.
func readPPOJob(tree *node) (spec.PPOJob, *node, error) {
	var job spec.PPOJob
	tree, err := ppoJobKeys(&job, "").read(tree)
	if err == nil {
		err = settle(job.LoRA, &job.Args, tree, "")
	}
	if err == nil {
		err = settlePPO(job, tree)
	}
	if err == nil {
		err = settleFolders(&job.Args, job.OutputDir, job.EvalDataPath, tree)
	}
	if err != nil {
		return spec.PPOJob{}, nil, err
	}
	return job, tree, nil
}

// settlePPO refuses what contradicts itself, and keys that would not be read.
func settlePPO(job spec.PPOJob, tree *node) error {
	switch given := tree.get("lora_config"); {
	case job.SFTModelPath != "" && given != nil:
		return given.origin.errorf("lora_config: is not read: the adapters of sft_model_path and reward_model_path bring their own")
	case job.SFTModelPath == "" && len(job.LoRA.TargetModules) == 0 && job.LoRA.TargetPattern == "":
		return tree.place("lora_config").errorf("lora_config.target_modules: missing, expected it or sft_model_path")
	}
	err := refuseUnread(tree.get("ppo_config"), "ppo_config", []unread{
		{job.EvalDataPath == "", "eval_data_path is missing", []string{"num_sample_generations"}},
	})
	if err != nil {
		return err
	}
	return settlePPOConfig(job, tree, "")
}

// settlePPOConfig is settlePPO without the adapters; the job stands at path.
func settlePPOConfig(job spec.PPOJob, tree *node, path string) error {
	c := job.PPO
	err := refuseUnread(tree.get("ppo_config"), join(path, "ppo_config"), []unread{
		{!c.AdapKLCtrl, "adap_kl_ctrl is false", []string{"init_kl_coef", "target", "horizon"}},
		{c.AdapKLCtrl, "adap_kl_ctrl is true and begins at init_kl_coef", []string{"kl_coef"}},
		{!c.EarlyStopping, "early_stopping is false", []string{"target_kl"}},
	})
	if err != nil {
		return err
	}
	if err := job.Check(); err != nil {
		return placed(err, tree, path, "ppo_config")
	}
	return nil
}
