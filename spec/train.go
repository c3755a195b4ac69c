package spec

import "context"

// LoRAJob is one adapter's training as the guide's JSON file describes it. The JSON names are the guide's;
// package configs reads, checks and fills it.
type LoRAJob struct {
	// BaseModel is a folder in Hugging Face form or a .gguf file, by its absolute path, or a model on a hub, by its name.
	// An engine gets paths only.
	BaseModel     string `json:"base_model"`
	ModelType     string `json:"model_type"` // "causal_lm"
	OutputDir     string `json:"output_dir"`
	TrainDataPath string `json:"train_data_path"` // JSONL of {"text": ...}
	EvalDataPath  string `json:"eval_data_path,omitempty"`
	MaxLength     int    `json:"max_length"`    // tokens a row is cut to; the guide's 512
	AppendEOS     bool   `json:"append_eos"`    // end each row with a supervised end-of-text token
	AddPadToken   bool   `json:"add_pad_token"` // add <PAD> and resize the embeddings, as the guide does
	// CompletionOnlyLoss supervises the tokens of the answer only: those after the last assistant marker of the template,
	// the appended end-of-text token included. False is the guide's loss, over the whole text.
	CompletionOnlyLoss bool         `json:"completion_only_loss,omitempty"`
	LoRA               LoRAConfig   `json:"lora_config"`
	Args               TrainingArgs `json:"training_args"`
}

// Snapshot is everything a later step can depend on, as named files. Two snapshots of the same step of the
// same job on the same kind of machine are equal byte for byte.
type Snapshot struct {
	Step  int64
	Files map[string][]byte // adapter_model.safetensors, optimizer.safetensors, trainer_state.json; best_… where the best weights are kept
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
	TotalSteps      int64   `json:"total_steps"`             // where early stopping ended it: the step it ended at
	Done            bool    `json:"done"`                    // false: it yielded and can be resumed from its last snapshot
	StoppedEarly    bool    `json:"stopped_early,omitempty"` // the held-out loss had stopped improving
	BestStep        int64   `json:"best_step,omitempty"`     // step whose weights were kept by load_best_model_at_end; 0: those of the last step
	Loss            float64 `json:"loss"`
	EvalLoss        float64 `json:"eval_loss,omitempty"` // of the weights that were kept, when it is done; the last one before
	TrainableParams int64   `json:"trainable_params"`
	AllParams       int64   `json:"all_params"`
	RowsDropped     int64   `json:"rows_dropped"`             // rows cut to no supervised token
	RowsShortened   int64   `json:"rows_shortened,omitempty"` // rows that max_length cut, those of RowsDropped among them
	TokensCut       int64   `json:"tokens_cut,omitempty"`     // at the ends of those rows
}
