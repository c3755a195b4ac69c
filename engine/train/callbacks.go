package train

import "elara/spec"

// Callbacks is transformers' stateful_callbacks: what its callbacks must remember over a resume.
type Callbacks struct {
	Control       Control        `json:"TrainerControl"`
	EarlyStopping *EarlyStopping `json:"EarlyStoppingCallback,omitempty"` // where patience is set
}

// Control is transformers' TrainerControl. Only TrainingStop outlives a step.
type Control struct {
	Args struct {
		TrainingStop bool `json:"should_training_stop"` // the last step is done, or early stopping has ended the run
		EpochStop    bool `json:"should_epoch_stop"`
		Save         bool `json:"should_save"`
		Evaluate     bool `json:"should_evaluate"`
		Log          bool `json:"should_log"`
	} `json:"args"`
	Attributes struct{} `json:"attributes"`
}

// EarlyStopping is transformers' EarlyStoppingCallback.
type EarlyStopping struct {
	Args struct {
		Patience  int64   `json:"early_stopping_patience"`
		Threshold float64 `json:"early_stopping_threshold"`
	} `json:"args"`
	Attributes struct {
		Counter int64 `json:"early_stopping_patience_counter"` // evaluations without an improvement
	} `json:"attributes"`
}

func newCallbacks(args spec.TrainingArgs) Callbacks {
	var c Callbacks
	if args.EarlyStoppingPatience > 0 {
		c.EarlyStopping = &EarlyStopping{}
		c.EarlyStopping.Args.Patience, c.EarlyStopping.Args.Threshold = args.EarlyStoppingPatience, args.EarlyStoppingThreshold
	}
	return c
}
