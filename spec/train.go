package spec

import "context"

// LoRAJob is one adapter's training as the guide's JSON file describes it. The JSON names are the guide's;
// package configs reads, checks and fills it.
type LoRAJob struct {
	BaseModel     string       `json:"base_model"` // folder in Hugging Face form, or a .gguf file
	ModelType     string       `json:"model_type"` // "causal_lm"
	OutputDir     string       `json:"output_dir"`
	TrainDataPath string       `json:"train_data_path"` // JSONL of {"text": ...}
	EvalDataPath  string       `json:"eval_data_path,omitempty"`
	MaxLength     int          `json:"max_length"`    // tokens a row is cut to; the guide's 512
	AppendEOS     bool         `json:"append_eos"`    // end each row with a supervised end-of-text token
	AddPadToken   bool         `json:"add_pad_token"` // add <PAD> and resize the embeddings, as the guide does
	LoRA          LoRAConfig   `json:"lora_config"`
	Args          TrainingArgs `json:"training_args"`
}

// LoRAConfig holds PEFT's LoraConfig keys under the guide's names.
type LoRAConfig struct {
	R             int      `json:"r"`
	Alpha         float64  `json:"alpha"`
	Dropout       float64  `json:"dropout"`
	Bias          string   `json:"bias"`           // "none"
	TargetModules []string `json:"target_modules"` // suffixes of module names
}

// TrainingArgs holds transformers' TrainingArguments keys under their own names and defaults.
type TrainingArgs struct {
	OutputDir                 string  `json:"output_dir"` // checkpoints; LoRAJob.OutputDir gets the final adapter
	NumTrainEpochs            float64 `json:"num_train_epochs"`
	MaxSteps                  int64   `json:"max_steps"` // -1: by epochs
	PerDeviceTrainBatchSize   int     `json:"per_device_train_batch_size"`
	PerDeviceEvalBatchSize    int     `json:"per_device_eval_batch_size"`
	GradientAccumulationSteps int     `json:"gradient_accumulation_steps"`
	LearningRate              float64 `json:"learning_rate"`
	WeightDecay               float64 `json:"weight_decay"`
	AdamBeta1                 float64 `json:"adam_beta1"`
	AdamBeta2                 float64 `json:"adam_beta2"`
	AdamEpsilon               float64 `json:"adam_epsilon"`
	MaxGradNorm               float64 `json:"max_grad_norm"` // 0: no clipping
	LRSchedulerType           string  `json:"lr_scheduler_type"`
	WarmupSteps               int64   `json:"warmup_steps"`
	LoggingSteps              int64   `json:"logging_steps"`
	EvalStrategy              string  `json:"eval_strategy"` // "no", "steps", "epoch"
	EvalSteps                 int64   `json:"eval_steps"`
	SaveStrategy              string  `json:"save_strategy"` // "no", "steps", "epoch"
	SaveSteps                 int64   `json:"save_steps"`
	SaveTotalLimit            int     `json:"save_total_limit"` // 0: keep all
	FP16                      bool    `json:"fp16"`
	BF16                      bool    `json:"bf16"`
	Seed                      int64   `json:"seed"`
	DataSeed                  *int64  `json:"data_seed"`               // nil: Seed
	TrainSamplingStrategy     string  `json:"train_sampling_strategy"` // "random" (transformers' order for the seed) or "sequential"
}

// Snapshot is everything a later step can depend on, as named files. Two snapshots of the same step of the
// same job on the same kind of machine are equal byte for byte.
type Snapshot struct {
	Step  int64
	Files map[string][]byte // adapter_model.safetensors, optimizer.safetensors, trainer_state.json
}

// TrainObserver is what a running training reports to. Calls come from one goroutine, in step order.
type TrainObserver interface {
	// Progress is called after every optimiser step.
	Progress(Progress)
	// Save keeps a snapshot; the training goes on when it returns. It must not keep a reference to the files' bytes
	// after that. An error ends the training.
	Save(context.Context, Snapshot) error
	// Yield is asked after every step; true makes the training save at this step and return Preempted = true.
	Yield(step int64) bool
}

// TrainOutcome is how a training, or a segment of one, ended.
type TrainOutcome struct {
	Step            int64   `json:"step"`
	TotalSteps      int64   `json:"total_steps"`
	Done            bool    `json:"done"` // false: it yielded and can be resumed from its last snapshot
	Loss            float64 `json:"loss"`
	EvalLoss        float64 `json:"eval_loss,omitempty"`
	TrainableParams int64   `json:"trainable_params"`
	AllParams       int64   `json:"all_params"`
	RowsDropped     int64   `json:"rows_dropped"` // rows cut to no supervised token
}
