package spec

// Progress is how far a stage has come. It travels in heartbeats and queries and is a hint only: what counts
// is what the store holds.
type Progress struct {
	Stage           string      `json:"stage"`             // prepare, train, evaluate, ...
	Adapter         AdapterName `json:"adapter,omitempty"` // empty where a stage serves all
	Step            int64       `json:"step"`              // optimiser steps, or rows for stages without steps
	TotalSteps      int64       `json:"total_steps"`
	Epoch           float64     `json:"epoch,omitempty"`
	Loss            float64     `json:"loss,omitempty"` // of the step; in the answer of a query, the mean over all steps
	LearningRate    float64     `json:"learning_rate,omitempty"`
	GradNorm        float64     `json:"grad_norm,omitempty"`
	EvalLoss        float64     `json:"eval_loss,omitempty"`
	EvalStep        int64       `json:"eval_step,omitempty"`         // step that EvalLoss was measured after
	LoggedLoss      float64     `json:"logged_loss,omitempty"`       // mean over the newest whole logging window
	LoggedStep      int64       `json:"logged_step,omitempty"`       // step that ended that window
	TokensPerSecond float64     `json:"tokens_per_second,omitempty"` // real tokens; there is no padding
	PeakMemoryBytes int64       `json:"peak_memory_bytes,omitempty"` // most that the device held so far; on a CPU the process's resident memory
	MatmulShare     float64     `json:"matmul_share,omitempty"`      // useful FLOPs per second over the measured matmul peak, 0 to 1
	CheckpointStep  int64       `json:"checkpoint_step,omitempty"`   // newest one that is committed
	ResumedFrom     int64       `json:"resumed_from,omitempty"`      // step this attempt started at
	// Metrics are what a training measures beside its loss, by the names that its Python peer logs.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}
