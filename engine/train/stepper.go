package train

import "context"

// Stepper does the arithmetic of a run.
type Stepper interface {
	// Step adds up the gradients of the micro-batches and takes one optimiser step. On an OutOfMemory error nothing was
	// changed and no gradient is left.
	Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (StepResult, error)
	// Evaluate gives the mean loss over the held-out rows and changes nothing that training depends on.
	Evaluate(ctx context.Context) (float64, error)
	// Snapshot gives all tensors that a later step depends on, as named files.
	Snapshot() (map[string][]byte, error)
}

// StepResult is what one optimiser step did.
type StepResult struct {
	Loss     float64 // mean over the step's supervised tokens, before the step
	GradNorm float64 // before clipping
	Tokens   int64   // real tokens that went through the model
	// Overflow says that half precision could not hold the scaled gradients: no optimiser step was taken, nothing was
	// changed. Only a ScaledStepper reports it.
	Overflow bool
	// PeakMemoryBytes and MatmulShare are as in spec.Progress; 0: not measured.
	PeakMemoryBytes int64
	MatmulShare     float64
	// Metrics are what a training measures beside its loss, by the names that its Python peer logs; they must be finite.
	Metrics map[string]float64
}

// ScaledStepper is a Stepper that can compute in half precision. A Loop that is told so gives it the factor before every
// step; the Stepper multiplies the loss by it before the backward pass and divides the gradients by it before it looks at
// their norm.
type ScaledStepper interface {
	Stepper
	ScaleLoss(factor float64)
}

// Restorer is a Stepper that can take back the weights of an earlier step, which load_best_model_at_end asks for.
type Restorer interface {
	Stepper
	// Weights gives what is trained, without the optimiser's state, as named files. The caller keeps them.
	Weights() (map[string][]byte, error)
	// Restore replaces what is trained by what Weights gave, in this process or in one before. Nothing is trained after it.
	Restore(weights map[string][]byte) error
}
