package toy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec"
)

// Feedback trains a number as Trainer does, out of all that a training from judgements is made of. Its PPO has as many steps as the
// job has iterations.
type Feedback struct{ Trainer Trainer }

// train hands the inputs on as those of an adapter.
func (f Feedback) train(ctx context.Context, base, data, from, out string, args spec.TrainingArgs, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	return f.Trainer.TrainLoRA(ctx, spec.LoRAJob{
		BaseModel: base, OutputDir: out, TrainDataPath: data, EvalDataPath: cmp.Or(from, data), Args: args,
	}, resume, observer)
}

// TrainReward implements activities.FeedbackTrainer. The reward model is right about two of three pairs. Its report lies beside it.
func (f Feedback) TrainReward(ctx context.Context, job spec.RewardJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.RewardOutcome, error) {
	outcome, err := f.train(ctx, job.BaseModel, job.TrainDataPath, job.EvalDataPath, job.OutputDir, job.Args, resume, observer)
	result := spec.RewardOutcome{TrainOutcome: outcome}
	if err != nil || !outcome.Done {
		return result, err
	}
	result.Report = &spec.RewardReport{HeldOut: &spec.HeldOutPairs{Pairs: 3, Right: 2, Accuracy: spec.Estimate{Value: 2.0 / 3, Low: 0.2, High: 0.9}}}
	return result, leave(job.OutputDir, "reward.json", result.Report)
}

// TrainDPO implements activities.FeedbackTrainer.
func (f Feedback) TrainDPO(ctx context.Context, job spec.DPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	return f.train(ctx, job.BaseModel, job.TrainDataPath, job.InitAdapter, job.OutputDir, job.Args, resume, observer)
}

// leave writes a file as JSON beside what was trained.
func leave(folder, name string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), append(text, '\n'), 0o600)
}

// TrainPPO implements activities.FeedbackTrainer. Score and KL grow by one a step. Where there are prompts to sample, one answer of the
// end lies beside the policy.
func (f Feedback) TrainPPO(ctx context.Context, job spec.PPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.PPOOutcome, error) {
	job.Args.MaxSteps = job.Iterations()
	base := filepath.Join(job.RewardModelPath, WeightsFile) // it stands for the base that it was made over
	outcome, err := f.train(ctx, base, job.TrainDataPath, job.SFTModelPath, job.OutputDir, job.Args, resume, measured{observer})
	result := spec.PPOOutcome{TrainOutcome: outcome, PolicyVersion: outcome.Step}
	if err != nil || !outcome.Done || job.EvalDataPath == "" {
		return result, err
	}
	return result, leave(job.OutputDir, "samples.jsonl", spec.PPOSample{
		Step: outcome.Step, Prompt: "What is <gout>?", Before: "A rash.", After: "Crystals.", ScoreAfter: float64(outcome.Step),
	})
}

// measured adds what PPO is watched by, and logs each step.
type measured struct{ spec.TrainObserver }

// Progress implements spec.TrainObserver.
func (m measured) Progress(p spec.Progress) {
	p.Metrics = map[string]float64{"objective/scores": float64(p.Step), "objective/kl": float64(p.Step) / 2}
	p.LoggedStep, p.LoggedLoss = p.Step, p.Loss
	m.TrainObserver.Progress(p)
}

// Sample implements activities.Sampler: an answer tells the adapter, the prompt, the seed and its place.
func (Feedback) Sample(ctx context.Context, job spec.SampleJob, each func(text string) error) error {
	weights, err := os.ReadFile(filepath.Join(job.Adapter, WeightsFile))
	if err != nil {
		return err
	}
	for i, prompt := range job.Prompts {
		if err := ctx.Err(); err != nil {
			return err
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%x %s %d %d", weights, prompt, job.Seed, i))
		if err := each(fmt.Sprintf("See a doctor. (%x)", sum[:4])); err != nil {
			return err
		}
	}
	return nil
}
