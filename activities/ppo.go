package activities

import (
	"context"
	"os"
	"path/filepath"

	"elara/spec"
)

// Of the prompts the first ones are answered for the report of a policy, before and after.
const (
	mostSampled = 16
	sampledEnd  = "_sampled.jsonl" // of the name of their file, beside the folder that the engine leaves the policy in
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
	if job.PPO.NumSampleGenerations > 0 {
		job.EvalDataPath = at.out + sampledEnd
	}
	f.run = func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, spec.FeedbackFigures, error) {
		if job.EvalDataPath != "" {
			if err := joinRows(ctx, job.EvalDataPath, []string{job.TrainDataPath}, mostSampled); err != nil {
				return spec.TrainOutcome{}, spec.FeedbackFigures{}, err
			}
		}
		outcome, err := t.TrainPPO(ctx, job, resume, watch)
		return outcome.TrainOutcome, spec.FeedbackFigures{Alarms: outcome.Alarms}, err
	}
	f.report = func(folder string) (map[string][]byte, error) {
		files, err := PolicyReport("Policy from adapter "+in.SFT.Digest.Short(), folder,
			map[string]any{"ppo_config": in.Plan.PPO.PPO, "training_args": in.Plan.PPO.Args})
		if err != nil {
			return nil, err
		}
		if files[samplesFile] != nil { // the text of patients is no part of what is released
			err = onDisk(os.Remove(filepath.Join(folder, samplesFile)))
		}
		return files, err
	}
	return f
}
