package spec

// TrainingArgs holds transformers' TrainingArguments keys under their own names and defaults. Steps that transformers
// lets be a share of the run have a twin here, named for it; a share counts where the steps are 0.
type TrainingArgs struct {
	OutputDir                 string  `json:"output_dir"` // checkpoints; LoRAJob.OutputDir gets the final adapter
	NumTrainEpochs            float64 `json:"num_train_epochs"`
	MaxSteps                  int64   `json:"max_steps"` // -1: by epochs
	PerDeviceTrainBatchSize   int     `json:"per_device_train_batch_size"`
	PerDeviceEvalBatchSize    int     `json:"per_device_eval_batch_size"`
	GradientAccumulationSteps int     `json:"gradient_accumulation_steps"`
	DataloaderDropLast        bool    `json:"dataloader_drop_last,omitempty"` // leave out the rows of an epoch that do not fill a micro-batch

	LearningRate           float64  `json:"learning_rate"`
	WeightDecay            float64  `json:"weight_decay"`
	AdamBeta1              float64  `json:"adam_beta1"`
	AdamBeta2              float64  `json:"adam_beta2"`
	AdamEpsilon            float64  `json:"adam_epsilon"`
	MaxGradNorm            float64  `json:"max_grad_norm"` // 0: no clipping
	LRSchedulerType        string   `json:"lr_scheduler_type"`
	LRSchedulerKwargs      LRKwargs `json:"lr_scheduler_kwargs,omitzero"`
	WarmupSteps            int64    `json:"warmup_steps"`
	WarmupRatio            float64  `json:"warmup_ratio,omitempty"`           // share of the steps, rounded up
	LabelSmoothingFactor   float64  `json:"label_smoothing_factor,omitempty"` // 0: off
	GradientCheckpointing  bool     `json:"gradient_checkpointing,omitempty"` // compute activations again instead of holding them
	LoggingStrategy        string   `json:"logging_strategy,omitempty"`       // "no", "steps", "epoch"; empty: "steps"
	LoggingSteps           int64    `json:"logging_steps"`
	LoggingRatio           float64  `json:"logging_ratio,omitempty"`
	LoggingFirstStep       bool     `json:"logging_first_step,omitempty"`
	EvalStrategy           string   `json:"eval_strategy"` // "no", "steps", "epoch"
	EvalSteps              int64    `json:"eval_steps"`
	EvalRatio              float64  `json:"eval_ratio,omitempty"`
	EvalDelay              float64  `json:"eval_delay,omitempty"` // no evaluation before so many steps or epochs, as EvalStrategy counts
	EvalOnStart            bool     `json:"eval_on_start,omitempty"`
	SaveStrategy           string   `json:"save_strategy"` // "no", "steps", "epoch", "best"
	SaveSteps              int64    `json:"save_steps"`
	SaveRatio              float64  `json:"save_ratio,omitempty"`
	SaveTotalLimit         int      `json:"save_total_limit"` // 0: keep all
	LoadBestModelAtEnd     bool     `json:"load_best_model_at_end,omitempty"`
	MetricForBestModel     string   `json:"metric_for_best_model,omitempty"` // "loss" or "eval_loss"; empty: no best step is told apart
	GreaterIsBetter        bool     `json:"greater_is_better,omitempty"`
	EarlyStoppingPatience  int64    `json:"early_stopping_patience,omitempty"`  // evaluations without an improvement; 0: never stop early
	EarlyStoppingThreshold float64  `json:"early_stopping_threshold,omitempty"` // an improvement is greater than this

	FP16                  bool   `json:"fp16"`
	BF16                  bool   `json:"bf16"`
	Seed                  int64  `json:"seed"`
	DataSeed              *int64 `json:"data_seed"`               // nil: Seed
	TrainSamplingStrategy string `json:"train_sampling_strategy"` // "random" (transformers' order for the seed), "sequential" or "group_by_length"
}

// Strategies of logging, evaluating and saving.
const (
	StrategyNo    = "no"
	StrategySteps = "steps"
	StrategyEpoch = "epoch"
	StrategyBest  = "best" // of saving alone: when an evaluation is the best so far
)

// Orders of rows.
const (
	SamplingRandom        = "random"
	SamplingSequential    = "sequential"
	SamplingGroupByLength = "group_by_length"
)
