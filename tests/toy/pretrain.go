package toy

import (
	"cmp"
	"context"

	"elara/spec"
)

// Pretrainer trains a number as Trainer does, out of the base model and the documents.
type Pretrainer struct{ Trainer Trainer }

// Pretrain implements activities.Pretrainer.
func (p Pretrainer) Pretrain(ctx context.Context, job spec.PretrainJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	return p.Trainer.TrainLoRA(ctx, spec.LoRAJob{
		BaseModel: job.BaseModel, OutputDir: job.OutputDir, TrainDataPath: job.TrainDataPath,
		EvalDataPath: cmp.Or(job.EvalDataPath, job.TrainDataPath), Args: job.Args,
	}, resume, observer)
}
