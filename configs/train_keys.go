package configs

import (
	"errors"

	"elara/spec"
)

// Largest values that make sense; beyond them a key was mistaken for another.
const (
	maxRank      = 1024
	maxBatch     = 4096
	maxSteps     = 100_000_000
	maxRowTokens = 1 << 20
	maxSeed      = 1<<32 - 1 // of NumPy's generator, which transformers seeds too
)

// loraConfigKeys is PEFT's LoraConfig, with PEFT 0.21's defaults, under the guide's names; PEFT's own names are
// accepted too.
func loraConfigKeys(c *spec.LoRAConfig) *section {
	return &section{
		foreign: peftNames(), foreignOwner: "PEFT's LoraConfig",
		keys: []key{
			integer("r", &c.R, 8, 1, maxRank, "Rank of the two matrices of an adapted module."),
			number("alpha", &c.Alpha, 8, interval{low: 0, high: 65536, openLow: true}, "Scale: the adapter's product counts alpha / r times.").also("lora_alpha"),
			number("dropout", &c.Dropout, 0, interval{low: 0, high: 1, openHigh: true}, "Share of the adapter's inputs that training sets to zero.").also("lora_dropout"),
			choice("bias", &c.Bias, "none", []string{"none"}, "Biases that are trained."),
			texts("target_modules", &c.TargetModules, "a list of module names", moduleName(), "Modules to adapt, by the end of their name: [c_attn, c_proj] for GPT-2, [q_proj, k_proj, v_proj, o_proj] for Llama.").require(),
		},
	}
}

func moduleName() form {
	return pattern(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`, "a module name such as q_proj or attn.c_attn, without patterns")
}

// trainingArgsKeys is transformers' TrainingArguments, with transformers 5.23's names and defaults.
func trainingArgsKeys(a *spec.TrainingArgs) *section {
	a.DataSeed = nil
	var dataSeed int64
	dataSeedKey := integer("data_seed", &dataSeed, 0, 0, maxSeed, "Seed of the order of rows.").orNull().showDefault("seed")
	read := dataSeedKey.set
	dataSeedKey.set = func(n *node) error {
		if err := read(n); err != nil {
			return err
		}
		a.DataSeed = &dataSeed
		return nil
	}
	when := []string{"no", "steps", "epoch"}
	share := interval{low: 0, high: 1, openHigh: true}
	return &section{
		foreign: transformersNames(), foreignOwner: "transformers' TrainingArguments",
		keys: []key{
			number("num_train_epochs", &a.NumTrainEpochs, 3, interval{low: 0, high: 10000, openLow: true}, "Passes over the rows."),
			withNone(integer("max_steps", &a.MaxSteps, -1, 1, maxSteps, "Optimiser steps; -1: by num_train_epochs."), &a.MaxSteps, -1),
			integer("per_device_train_batch_size", &a.PerDeviceTrainBatchSize, 8, 1, maxBatch, "Rows per forward and backward pass."),
			integer("per_device_eval_batch_size", &a.PerDeviceEvalBatchSize, 8, 1, maxBatch, "Rows per pass of the evaluation."),
			integer("gradient_accumulation_steps", &a.GradientAccumulationSteps, 1, 1, maxBatch, "Passes per optimiser step."),
			number("learning_rate", &a.LearningRate, 5e-5, interval{low: 0, high: 1, openLow: true}, "Peak learning rate."),
			number("weight_decay", &a.WeightDecay, 0, interval{low: 0, high: 1}, "AdamW's decoupled weight decay."),
			number("adam_beta1", &a.AdamBeta1, 0.9, share, "Decay of AdamW's first moment."),
			number("adam_beta2", &a.AdamBeta2, 0.999, share, "Decay of AdamW's second moment."),
			number("adam_epsilon", &a.AdamEpsilon, 1e-8, interval{low: 0, high: 0.1, openLow: true}, "AdamW's epsilon."),
			number("max_grad_norm", &a.MaxGradNorm, 1, interval{low: 0, high: 1e6}, "Norm the gradient is clipped to; 0: no clipping."),
			choice("lr_scheduler_type", &a.LRSchedulerType, "linear", []string{"linear"}, "Course of the learning rate after the warm-up."),
			integer("warmup_steps", &a.WarmupSteps, 0, 0, maxSteps, "Steps over which the learning rate rises from 0."),
			integer("logging_steps", &a.LoggingSteps, 500, 1, maxSteps, "Steps between two entries of log_history."),
			choice("eval_strategy", &a.EvalStrategy, "no", when, "When the held-out rows are measured during training.").also("evaluation_strategy"),
			integer("eval_steps", &a.EvalSteps, 0, 1, maxSteps, "Steps between two evaluations, for eval_strategy: steps.").orNull().showDefault("logging_steps"),
			choice("save_strategy", &a.SaveStrategy, "steps", when, "When a checkpoint is saved."),
			integer("save_steps", &a.SaveSteps, 500, 1, maxSteps, "Steps between two checkpoints, for save_strategy: steps."),
			integer("save_total_limit", &a.SaveTotalLimit, 0, 0, maxSteps, "Checkpoints kept; 0 or null: all.").orNull(),
			boolean("fp16", &a.FP16, false, "Half precision on a GPU; a CPU trains in fp32 and says so."),
			boolean("bf16", &a.BF16, false, "Hold the frozen base in bfloat16; what is trained stays fp32."),
			integer("seed", &a.Seed, 42, 0, maxSeed, "Seed of the initial adapter and of dropout."),
			dataSeedKey,
			choice("train_sampling_strategy", &a.TrainSamplingStrategy, "random", []string{"random", "sequential"}, "Order of rows: transformers' shuffle for the seed, or the file's own order."),
		},
	}
}

// withNone lets an integer key take one more value, which stands for "not set".
func withNone(k key, target *int64, none int64) key {
	read := k.set
	k.within += ", or -1"
	k.set = func(n *node) error {
		if n.isScalar(shapeNumber) && n.text == "-1" {
			*target = none
			return nil
		}
		if err := read(n); err != nil {
			return n.mismatch(k)
		}
		return nil
	}
	return k.showDefault("-1")
}

// settleTrainingArgs derives what follows from other keys and refuses what contradicts itself.
func settleTrainingArgs(a *spec.TrainingArgs) error {
	if a.EvalSteps == 0 {
		a.EvalSteps = a.LoggingSteps
	}
	if a.FP16 && a.BF16 {
		return errors.New("fp16 and bf16 are both true, expected at most one")
	}
	return nil
}
