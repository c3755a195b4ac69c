package activities

import (
	"context"
	"time"

	"elara/storage"
	"elara/storage/artifact"
	"elara/telemetry"
)

// Control holds the activities that need no model.
type Control struct {
	Store   storage.Store
	Cache   *artifact.Cache
	Scratch string  // folder for files in the making; each activity removes its own
	Hub     Hub     // nil: base models cannot be given by name
	Buckets Buckets // nil: exports go to folders only

	Notifier Notifier // nil: the log alone is told

	Instruments *telemetry.Instruments // nil: nothing is measured
}

// Device holds the activities that need a model.
type Device struct {
	Store      storage.Store
	Cache      *artifact.Cache
	Scratch    string
	Trainer    Trainer
	Pretrainer Pretrainer
	Merger     Merger
	Distiller  Distiller
	Evaluator  Evaluator
	Feedback   FeedbackTrainer
	Sampler    Sampler
	Curves     Curves // nil: no curves are kept
	Code       string // version of this program, noted with what it trains
	Machine    string // kind of this machine, likewise

	Instruments *telemetry.Instruments // nil: nothing is measured
}

// run does the work of an activity, measures it, and turns its error into what Temporal stores.
func run[In, Out any](
	ctx context.Context, instruments *telemetry.Instruments, stage string, in In, work func(context.Context, In) (Out, error),
) (Out, error) {
	began := time.Now()
	out, err := work(ctx, in)
	if instruments != nil {
		instruments.Stage(ctx, stage, time.Since(began), err)
	}
	return out, failure(ctx, err)
}
