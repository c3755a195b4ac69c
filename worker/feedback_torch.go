//go:build torch

package main

import (
	"context"

	"elara/engine/recipes"
	"elara/engine/sample"
	"elara/spec"
)

// feedback is the runner as the activities of the stage rlhf know it.
type feedback struct{ *recipes.Runner }

// TrainPPO implements activities.FeedbackTrainer: the job's reward model judges.
func (f feedback) TrainPPO(ctx context.Context, job spec.PPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.PPOOutcome, error) {
	return f.Runner.TrainPPO(ctx, job, nil, resume, observer)
}

// Sample implements activities.Sampler.
func (f feedback) Sample(ctx context.Context, job spec.SampleJob, each func(text string) error) error {
	options := sample.Options{MaxNewTokens: job.MaxNewTokens, Temperature: job.Temperature, Seed: uint64(job.Seed)}
	return f.Generate(ctx, job.BaseModel, job.Adapter, job.Prompts, options, func(g recipes.Generated) error { return each(g.Text) })
}
