package configs

import (
	"strconv"

	"elara/spec"
)

// Largest values that make sense; beyond them a key was mistaken for another.
const (
	maxRank      = 1024
	maxBatch     = 4096
	maxSteps     = 100_000_000
	maxRowTokens = 1 << 20
	maxLayers    = 1 << 16
	maxSeed      = 1<<32 - 1 // of NumPy's generator, which transformers seeds too
)

// trainingArgsKeys is transformers' TrainingArguments, with transformers 5.23's names and defaults.
func trainingArgsKeys(a *spec.TrainingArgs) *section {
	when := []string{spec.StrategyNo, spec.StrategySteps, spec.StrategyEpoch}
	share := interval{low: 0, high: 1, openHigh: true}
	return &section{
		foreign: transformersKeys(),
		keys: []key{
			number("num_train_epochs", &a.NumTrainEpochs, 3, interval{low: 0, high: 10000, openLow: true}, "Passes over the rows."),
			withNone(integer("max_steps", &a.MaxSteps, -1, 1, maxSteps, "Optimiser steps; -1: by num_train_epochs."), &a.MaxSteps, -1),
			integer("per_device_train_batch_size", &a.PerDeviceTrainBatchSize, 8, 1, maxBatch, "Rows per forward and backward pass."),
			integer("per_device_eval_batch_size", &a.PerDeviceEvalBatchSize, 8, 1, maxBatch, "Rows per pass of the evaluation."),
			integer("gradient_accumulation_steps", &a.GradientAccumulationSteps, 1, 1, maxBatch, "Passes per optimiser step."),
			boolean("dataloader_drop_last", &a.DataloaderDropLast, false, "Leave out the rows of an epoch that do not fill a pass."),
			number("learning_rate", &a.LearningRate, 5e-5, interval{low: 0, high: 1, openLow: true}, "Peak learning rate."),
			number("weight_decay", &a.WeightDecay, 0, interval{low: 0, high: 1}, "AdamW's decoupled weight decay."),
			number("adam_beta1", &a.AdamBeta1, 0.9, share, "Decay of AdamW's first moment."),
			number("adam_beta2", &a.AdamBeta2, 0.999, share, "Decay of AdamW's second moment."),
			number("adam_epsilon", &a.AdamEpsilon, 1e-8, interval{low: 0, high: 0.1, openLow: true}, "AdamW's epsilon."),
			number("max_grad_norm", &a.MaxGradNorm, 1, interval{low: 0, high: 1e6}, "Norm the gradient is clipped to; 0: no clipping."),
			choice("lr_scheduler_type", &a.LRSchedulerType, spec.LRLinear, spec.LRSchedulers(), "Course of the learning rate after the warm-up."),
			block("lr_scheduler_kwargs", scheduleArgumentKeys(&a.LRSchedulerKwargs), "Arguments of the course; each belongs to the courses that its meaning names.").orNull(),
			stepsOrShare("warmup_steps", &a.WarmupSteps, &a.WarmupRatio, 0, 0, "Steps over which the learning rate rises from 0.").renamed("warmup_ratio", unlessZero),
			number("label_smoothing_factor", &a.LabelSmoothingFactor, 0, share, "Share of the loss that is spread over the whole vocabulary; 0: none. Held-out loss is never smoothed."),
			boolean("gradient_checkpointing", &a.GradientCheckpointing, false, "Compute activations again in the backward pass instead of holding them.").orNull().also("activation_checkpointing"),
			choice("logging_strategy", &a.LoggingStrategy, spec.StrategySteps, when, "When an entry of log_history is written."),
			stepsOrShare("logging_steps", &a.LoggingSteps, &a.LoggingRatio, 500, 1, "Steps between two entries of log_history, for logging_strategy: steps."),
			boolean("logging_first_step", &a.LoggingFirstStep, false, "Write an entry after the first step too."),
			choice("eval_strategy", &a.EvalStrategy, spec.StrategyNo, when, "When the held-out rows are measured during training.").also("evaluation_strategy"),
			stepsOrShare("eval_steps", &a.EvalSteps, &a.EvalRatio, 0, 1, "Steps between two evaluations, for eval_strategy: steps; the last step is measured always.").orNull().showDefault("logging_steps"),
			number("eval_delay", &a.EvalDelay, 0, interval{low: 0, high: maxSteps}, "No evaluation before so many steps, or epochs for eval_strategy: epoch."),
			boolean("eval_on_start", &a.EvalOnStart, false, "Measure the held-out rows before the first step too."),
			choice("save_strategy", &a.SaveStrategy, spec.StrategySteps, append(when, spec.StrategyBest), "When a checkpoint is saved; best: after an evaluation that is the best so far. The last step is saved always."),
			stepsOrShare("save_steps", &a.SaveSteps, &a.SaveRatio, 500, 1, "Steps between two checkpoints, for save_strategy: steps."),
			integer("save_total_limit", &a.SaveTotalLimit, 0, 0, maxSteps, "Checkpoints kept; 0 or null: all. Each holds the weights of the best step so far too.").orNull(),
			boolean("load_best_model_at_end", &a.LoadBestModelAtEnd, false, "Keep the weights of the best step that was saved instead of those of the last one."),
			choice("metric_for_best_model", &a.MetricForBestModel, "", []string{"loss", "eval_loss"}, "What the best step is told by: the held-out loss, under either name.").orNull().showDefault("loss, where another key needs it"),
			boolean("greater_is_better", &a.GreaterIsBetter, false, "The best step is the one with the greatest metric.").orNull(),
			integer("early_stopping_patience", &a.EarlyStoppingPatience, 0, 0, maxSteps, "End the training after so many evaluations without an improvement; 0: never. Of transformers' EarlyStoppingCallback."),
			number("early_stopping_threshold", &a.EarlyStoppingThreshold, 0, interval{low: 0, high: 1e6}, "An improvement of the metric is more than this."),
			boolean("fp16", &a.FP16, false, "Half precision with loss scaling on a GPU; a CPU trains in fp32 and says so."),
			boolean("bf16", &a.BF16, false, "Hold the frozen base in bfloat16; what is trained stays fp32."),
			integer("seed", &a.Seed, 42, 0, maxSeed, "Seed of the initial adapter and of dropout."),
			optionalInteger("data_seed", &a.DataSeed, 0, maxSeed, "Seed of the order of rows.").showDefault("seed"),
			choice("train_sampling_strategy", &a.TrainSamplingStrategy, spec.SamplingRandom, []string{spec.SamplingRandom, spec.SamplingSequential, spec.SamplingGroupByLength},
				"Order of rows: transformers' shuffle for the seed, the file's own order, or shuffled with rows of nearly one length together.").renamed("group_by_length", asSampling),
		},
	}
}

// changedArgsKeys is trainingArgsKeys for a file whose training has another learning rate, and other steps between two entries of
// log_history. These two are documented with the file, the others with a training file.
func changedArgsKeys(a *spec.TrainingArgs, rate float64, logging int64) *section {
	s := trainingArgsKeys(a)
	documentedIn("training_args", s.keys)
	a.LearningRate, a.LoggingSteps = rate, logging
	for name, fallback := range map[string]string{"learning_rate": formatNumber(rate), "logging_steps": strconv.FormatInt(logging, 10)} {
		k := s.row(name)
		k.alsoIn, k.fallback = "", fallback
	}
	return s
}

// checkpointsKey is one more of TrainingArguments, for a training from a file: in a pipeline checkpoints have their own place.
func checkpointsKey(a *spec.TrainingArgs) key {
	return path("output_dir", &a.OutputDir, "", "Folder for checkpoints.").showDefault("output_dir + _checkpoints")
}

// scheduleArgumentKeys is transformers' lr_scheduler_kwargs.
func scheduleArgumentKeys(k *spec.LRKwargs) *section {
	share := interval{low: 0, high: 1}
	shapes := []string{spec.ShapeLinear, spec.ShapeCosine, spec.ShapeSquareRoot}
	return &section{keys: []key{
		optionalNumber("num_cycles", &k.NumCycles, interval{low: 0, high: 1000, openLow: true}, "Waves of a cosine, 0.5 by default; falls of cosine_with_restarts, 1 by default.").showDefault("the course's"),
		optionalNumber("min_lr", &k.MinLR, share, "Lowest rate of cosine_with_min_lr and cosine_warmup_with_min_lr."),
		optionalNumber("min_lr_rate", &k.MinLRRate, share, "The same as a share of learning_rate; instead of min_lr."),
		optionalNumber("warmup_lr_rate", &k.WarmupLRRate, share, "Share of learning_rate that the warm-up of cosine_warmup_with_min_lr begins with.").showDefault("1 / warm-up"),
		optionalNumber("lr_end", &k.LREnd, share, "Last rate of polynomial.").showDefault("1e-07"),
		optionalNumber("power", &k.Power, interval{low: 0, high: 100}, "Power of polynomial.").showDefault("1"),
		optionalInteger("timescale", &k.Timescale, 1, maxSteps, "Steps after which inverse_sqrt has fallen by the root of two, about.").showDefault("the warm-up; without one 10000"),
		optionalInteger("num_decay_steps", &k.NumDecaySteps, 0, maxSteps, "Steps of the fall of warmup_stable_decay, which needs it."),
		optionalInteger("num_stable_steps", &k.NumStableSteps, 0, maxSteps, "Steps that warmup_stable_decay stays at its peak.").showDefault("what the others leave"),
		choice("warmup_type", &k.WarmupType, "", shapes, "Shape of the rise of warmup_stable_decay.").showDefault(spec.ShapeLinear),
		choice("decay_type", &k.DecayType, "", shapes, "Shape of its fall.").showDefault(spec.ShapeCosine),
		optionalNumber("min_lr_ratio", &k.MinLRRatio, share, "Its lowest rate, as a share of learning_rate.").showDefault("0"),
	}}
}

// unlessZero passes a warm-up ratio on: transformers wrote it as 0 where steps were given.
func unlessZero(n *node) *node {
	if n.text == "0" || n.text == "0.0" {
		return nil
	}
	return n
}

// asSampling turns the earlier group_by_length into a strategy; false asked for nothing.
func asSampling(n *node) *node {
	if n.shape == shapeBoolean && n.text == "false" {
		return nil
	}
	if n.shape != shapeBoolean {
		return n
	}
	return &node{shape: shapeText, text: spec.SamplingGroupByLength, origin: n.origin}
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
