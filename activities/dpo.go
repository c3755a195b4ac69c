package activities

import (
	"context"

	"elara/spec"
)

// dpoTraining is direct preference optimisation of the adapter, which is its own reference.
func dpoTraining(t FeedbackTrainer, in spec.FeedbackInput, at local) feedback {
	job := in.Plan.DPO
	job.Audience, job.LoRA, job.AddPadToken = in.Adapter.Audience, in.Adapter.LoRA, in.Adapter.AddPadToken
	f := feedback{kind: spec.KindAdapter, job: job, keep: job.Args.SaveTotalLimit, inputs: []spec.Digest{in.Base.Digest, in.SFT.Digest, in.Comparisons.Digest}}
	job.BaseModel, job.InitAdapter, job.OutputDir, job.Args.OutputDir = at.base, at.sft, at.out, at.out+checkpointsEnd
	job.TrainDataPath, job.EvalDataPath = at.train, at.held
	f.run = func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, spec.FeedbackFigures, error) {
		outcome, err := t.TrainDPO(ctx, job, resume, watch)
		return outcome, spec.FeedbackFigures{}, err
	}
	return f
}
