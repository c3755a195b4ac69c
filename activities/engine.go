package activities

import (
	"context"

	"elara/spec"
)

// Trainer trains one adapter on this machine. The engine provides it.
type Trainer interface {
	// TrainLoRA trains until the end or until the observer asks it to yield, from the beginning or from a snapshot of
	// the same job. When it yields it has saved a snapshot of the step it stopped at. When it is done the adapter
	// lies in job.OutputDir, equal byte for byte however often the training was interrupted. Cancelling ctx ends it
	// without a snapshot.
	TrainLoRA(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error)
}

// Evaluator measures one adapter beside its base on this machine. The engine provides it.
type Evaluator interface {
	// Evaluate calls progress after every batch of rows and after every answer, from one goroutine.
	Evaluate(ctx context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (spec.EvaluateOutcome, error)
	// Memory asks an adapter, and its base, what they have by heart of its training rows. It calls progress after every canary and
	// row, from one goroutine.
	Memory(ctx context.Context, job spec.MemoryJob, progress func(spec.Progress)) (spec.MemoryResult, error)
}
