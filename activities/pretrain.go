package activities

import (
	"context"
	"errors"
	"path/filepath"

	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
)

// Pretrainer trains all weights of a base model on this machine. The engine provides it.
type Pretrainer interface {
	// Pretrain keeps the contract of Trainer.TrainLoRA. When it is done a model in Hugging Face form lies in job.OutputDir.
	Pretrain(ctx context.Context, job spec.PretrainJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error)
}

// pretrainKey is the identity of a pre-trained model: everything that it is made of.
func pretrainKey(in spec.PretrainTarget) (spec.Digest, error) {
	plan := in.Plan
	plan.Args.OutputDir = ""
	return pretrainStage.key(struct {
		Base, Corpus  spec.Digest
		Args          spec.TrainingArgs
		MaxLength     int
		AppendEOS     bool
		LongDocuments spec.LongDocuments
		Device        string
	}{in.Base.Digest, in.Corpus.Digest, plan.Args, plan.MaxLength, plan.AppendEOS, plan.LongDocuments, plan.Device})
}

// FindPretrained looks for a model that was made of the same before; Unchanged is set when there is one.
func (c *Control) FindPretrained(ctx context.Context, in spec.PretrainTarget) (spec.PretrainResult, error) {
	return run(ctx, c.Instruments, spec.StagePretrain, in, c.findPretrained)
}

func (c *Control) findPretrained(ctx context.Context, in spec.PretrainTarget) (spec.PretrainResult, error) {
	key, err := pretrainKey(in)
	if err != nil {
		return spec.PretrainResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, pretrainStage, key,
		func(r spec.PretrainResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Model} })
	found.Unchanged = reason
	return found, err
}

// PretrainSegment trains all weights from the newest checkpoint up to a step, or to the end, or until it is asked to stop; it
// saves before it stops.
func (d *Device) PretrainSegment(ctx context.Context, in spec.PretrainSegmentInput) (spec.PretrainSegmentResult, error) {
	return run(ctx, d.Instruments, spec.StagePretrain, in, d.pretrainSegment)
}

func (d *Device) pretrainSegment(ctx context.Context, in spec.PretrainSegmentInput) (result spec.PretrainSegmentResult, err error) {
	work := begin(ctx, d.Store, spec.Progress{Stage: spec.StagePretrain, Adapter: spec.PretrainName}, bulkPatience)
	defer work.end()
	live, store := work.ctx, work.store

	folder, remove, err := scratch(d.Scratch, "pretrain")
	if err != nil {
		return spec.PretrainSegmentResult{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, err := d.pretrainJob(live, store, in.PretrainTarget, folder)
	if err != nil {
		return spec.PretrainSegmentResult{}, err
	}
	key, err := pretrainKey(in.PretrainTarget)
	if err != nil {
		return spec.PretrainSegmentResult{}, err
	}
	facts := checkpoint.Facts{Config: key, Engine: checkpoint.Engine{Device: in.Plan.Device}}
	result.SegmentResult, err = d.segment(ctx, work, segment{
		stage: spec.StagePretrain, run: in.Run, name: spec.PretrainName, key: key, facts: facts, until: in.UntilStep,
		steps: in.Plan.SegmentSteps, keep: in.Plan.Args.SaveTotalLimit, curve: pretrainCurve{in.Plan, in.Base.Digest, in.Corpus.Digest},
	}, func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, error) {
		return d.Pretrainer.Pretrain(ctx, job, resume, watch)
	}, func(ctx context.Context, watch *observer, outcome spec.TrainOutcome) error {
		if err := namesAllCut(watch.cut, outcome.RowsDropped, "documents"); err != nil {
			return err
		}
		result.Model, err = publishPretrained(ctx, store, in.PretrainTarget, key, job.OutputDir, outcome)
		return err
	})
	return result, err
}

// pretrainCurve is what a curve says of how its model was made.
type pretrainCurve struct {
	spec.PretrainPlan
	Base   spec.Digest `json:"base_model"`
	Corpus spec.Digest `json:"corpus"`
}

// pretrainJob lays the inputs out on this machine and says to the engine where they are.
func (d *Device) pretrainJob(ctx context.Context, store storage.Store, in spec.PretrainTarget, folder string) (spec.PretrainJob, error) {
	base, err := d.base(ctx, store, in.Base)
	if err != nil {
		return spec.PretrainJob{}, err
	}
	corpus, err := d.Cache.Materialise(ctx, store, in.Corpus)
	if err != nil {
		return spec.PretrainJob{}, err
	}
	job := spec.PretrainJob{
		BaseModel: base, ModelType: "causal_lm", OutputDir: filepath.Join(folder, "model"), TrainDataPath: filepath.Join(corpus, trainFile),
		SampleBy: spec.ByLine, MaxLength: in.Plan.MaxLength, AppendEOS: in.Plan.AppendEOS, LongDocuments: in.Plan.LongDocuments, Args: in.Plan.Args,
	}
	if in.Plan.EvalPercent > 0 {
		job.EvalDataPath = filepath.Join(corpus, evalFile)
	}
	job.Args.OutputDir = filepath.Join(folder, "checkpoints")
	return job, nil
}

// publishPretrained stores what the training left in its output folder as a base model, and records it for runs to come.
func publishPretrained(
	ctx context.Context, store storage.Store, in spec.PretrainTarget, key spec.Digest, folder string, outcome spec.TrainOutcome,
) (spec.ArtifactRef, error) {
	ref, err := artifact.Publish(ctx, store, spec.KindBaseModel, folder, []spec.Digest{in.Base.Digest, in.Corpus.Digest}, nil)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	stands, err := remember(ctx, store, pretrainStage, key, spec.PretrainResult{Model: ref, Base: in.Base, Outcome: outcome})
	return stands.Model, err
}
