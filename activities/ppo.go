package activities

import (
	"context"
	"path/filepath"

	"elara/spec"
)

// ppoTraining is proximal policy optimisation of the adapter against a reward model. A step is one iteration.
func ppoTraining(t FeedbackTrainer, in spec.FeedbackInput, at local) feedback {
	job := in.Plan.PPO
	f := feedback{
		kind: spec.KindAdapter, job: job, keep: job.Args.SaveTotalLimit,
		inputs: []spec.Digest{in.Base.Digest, in.SFT.Digest, in.Prompts.Digest, in.Reward.Digest},
	}
	job.BaseModel, job.SFTModelPath, job.RewardModelPath, job.OutputDir, job.Args.OutputDir = at.base, at.sft, at.reward, at.out, at.out+checkpointsEnd
	job.TrainDataPath = filepath.Join(at.prompts, promptsFile)
	f.run = func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, spec.FeedbackFigures, error) {
		outcome, err := t.TrainPPO(ctx, job, resume, watch)
		return outcome.TrainOutcome, spec.FeedbackFigures{Alarms: outcome.Alarms}, err
	}
	return f
}
