package train

import (
	"encoding/json"
	"fmt"

	"elara/spec"
	"elara/spec/fault"
)

// State is trainer_state.json: transformers' keys, and under "elara" what the loop needs beside them. It holds everything
// about a run that is not a tensor and that a later step can depend on.
type State struct {
	GlobalStep     int64      `json:"global_step"`
	MaxSteps       int64      `json:"max_steps"`
	Epoch          float64    `json:"epoch"`
	NumTrainEpochs float64    `json:"num_train_epochs"`
	TrainBatchSize int        `json:"train_batch_size"`
	LoggingSteps   int64      `json:"logging_steps"`
	EvalSteps      int64      `json:"eval_steps"`
	SaveSteps      int64      `json:"save_steps"`
	TokensSeen     int64      `json:"num_input_tokens_seen"`
	LogHistory     []LogEntry `json:"log_history"`

	// The best evaluation so far and the step it was made after; nil before there is one, or where none is told apart.
	BestMetric     *float64 `json:"best_metric"`
	BestGlobalStep *int64   `json:"best_global_step"`
	// BestModelCheckpoint is the folder of the best step that was saved. It is relative to the checkpoints: where they lie
	// differs from attempt to attempt, and equal runs give equal files.
	BestModelCheckpoint *string   `json:"best_model_checkpoint"`
	Callbacks           Callbacks `json:"stateful_callbacks"`

	// Constants that transformers expects to find.
	IsLocalProcessZero bool    `json:"is_local_process_zero"`
	IsWorldProcessZero bool    `json:"is_world_process_zero"`
	IsHyperParamSearch bool    `json:"is_hyper_param_search"`
	TotalFlos          float64 `json:"total_flos"`
	Own                Own     `json:"elara"`
}

// Own is what the loop needs beside transformers' keys.
type Own struct {
	WindowLoss   float64 `json:"window_loss"`  // sum of step losses since the last log entry
	WindowSteps  int64   `json:"window_steps"` // how many
	TotalLoss    float64 `json:"total_loss"`   // sum of all step losses
	LastLoss     float64 `json:"last_loss"`    // of the last log entry
	LastLogStep  int64   `json:"last_log_step"`
	LastEvalLoss float64 `json:"last_eval_loss"`
	LastEvalStep int64   `json:"last_eval_step"`
	BestStep     int64   `json:"best_step"`            // step whose weights are kept for the end; 0: none
	BestLoss     float64 `json:"best_loss"`            // held-out loss of those weights
	MicroBatch   int     `json:"micro_batch"`          // rows that fit into memory at once, learnt from running out of it; 0: no limit met
	Scaler       *Scaler `json:"loss_scale,omitempty"` // of a run in half precision
	Overflows    int64   `json:"overflows,omitempty"`  // steps that half precision skipped: the schedule does not count them

	Certificate *Certificate `json:"loss_invariance,omitempty"` // of a finished run
}

// Certificate says by how much loss and gradients depend on how the same rows are cut into micro-batches and laid out: by
// rounding, and by nothing else.
type Certificate struct {
	Rows          int     `json:"rows"`
	Loss          float64 `json:"loss"` // largest relative difference
	LossBound     float64 `json:"loss_bound"`
	Gradient      float64 `json:"gradient"` // largest difference, relative to the largest element
	GradientBound float64 `json:"gradient_bound"`
	Holds         bool    `json:"holds"`
}

// LogEntry is one line of the log: a training window, an evaluation, or the end.
type LogEntry struct {
	Epoch           float64  `json:"epoch"`
	Step            int64    `json:"step"`
	Loss            *float64 `json:"loss,omitempty"`
	GradNorm        *float64 `json:"grad_norm,omitempty"`
	LearningRate    *float64 `json:"learning_rate,omitempty"`
	EvalLoss        *float64 `json:"eval_loss,omitempty"`
	TrainLoss       *float64 `json:"train_loss,omitempty"`
	TokensPerSecond *float64 `json:"tokens_per_second,omitempty"` // wall clock; only where timings were asked for

	Metrics map[string]float64 `json:"-"` // of the window's last step, as keys of the entry itself
}

// NewState begins a run.
func NewState(args spec.TrainingArgs, plan *Plan) *State {
	every := newCadence(args, plan.TotalSteps)
	return &State{
		MaxSteps: plan.TotalSteps, NumTrainEpochs: args.NumTrainEpochs, TrainBatchSize: args.PerDeviceTrainBatchSize,
		LoggingSteps: every.logging, EvalSteps: every.evaluation, SaveSteps: every.saving, LogHistory: []LogEntry{},
		IsLocalProcessZero: true, IsWorldProcessZero: true, Callbacks: newCallbacks(args),
	}
}

// OptimiserSteps is how many steps the optimiser has taken: all but those that overflowed.
func (s *State) OptimiserSteps() int64 { return s.GlobalStep - s.Own.Overflows }

// stopped reports whether early stopping has ended the run.
func (s *State) stopped() bool {
	return s.Callbacks.Control.Args.TrainingStop && s.GlobalStep < s.MaxSteps
}

// StateFile is the name under which a snapshot holds the state.
const StateFile = "trainer_state.json"

// checkpointName is what transformers calls the checkpoint of a step.
func checkpointName(step int64) string { return fmt.Sprintf("checkpoint-%d", step) }

// Encode writes the state; equal states give equal bytes.
func (s *State) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", StateFile, err)
	}
	return append(data, '\n'), nil
}

// DecodeState reads a state and refuses one that belongs to another run length.
func DecodeState(data []byte, plan *Plan) (*State, error) {
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fault.New(fault.Corrupt, "%s: %w", StateFile, err)
	}
	if s.MaxSteps != plan.TotalSteps || s.GlobalStep < 0 || s.GlobalStep > s.MaxSteps {
		return nil, fault.New(fault.Conflict, "%s is at step %d of %d, this run has %d steps: data or configuration changed", StateFile, s.GlobalStep, s.MaxSteps, plan.TotalSteps)
	}
	return &s, nil
}
