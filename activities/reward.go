package activities

import (
	"context"

	"elara/spec"
)

// rewardTraining is the training of a reward model over the base that the adapter has.
func rewardTraining(t FeedbackTrainer, in spec.FeedbackInput, at local) feedback {
	job := in.Plan.Reward
	job.Audience, job.LoRA = in.Adapter.Audience, in.Adapter.LoRA
	f := feedback{kind: spec.KindRewardModel, job: job, keep: job.Args.SaveTotalLimit, inputs: []spec.Digest{in.Base.Digest, in.Comparisons.Digest}}
	job.BaseModel, job.OutputDir, job.Args.OutputDir = at.base, at.out, at.out+checkpointsEnd
	job.TrainDataPath, job.EvalDataPath = at.train, at.held
	f.run = func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, spec.FeedbackFigures, error) {
		var figures spec.FeedbackFigures
		outcome, err := t.TrainReward(ctx, job, resume, watch)
		if outcome.Report != nil && outcome.Report.HeldOut != nil {
			figures.Accuracy = &outcome.Report.HeldOut.Accuracy
		}
		return outcome.TrainOutcome, figures, err
	}
	f.report = func(folder string) (map[string][]byte, error) {
		return RewardReport("Reward model over "+in.Base.Digest.Short(), folder)
	}
	return f
}

// checkpointsEnd is what the name of an engine's folder for checkpoints ends in; here it saves through the observer.
const checkpointsEnd = "_checkpoints"
