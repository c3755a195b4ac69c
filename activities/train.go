package activities

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"go.temporal.io/sdk/activity"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
)

// trainKey is the identity of a trained adapter: everything that it is made of. How the training is cut into segments
// and where its files lie is not part of it.
func trainKey(in spec.AdapterInput) (spec.Digest, error) {
	plan := in.Plan
	plan.Args.OutputDir = ""
	return trainStage.key(struct {
		Base, Dataset spec.Digest
		LoRA          spec.LoRAConfig
		Args          spec.TrainingArgs
		MaxLength     int
		AppendEOS     bool
		AddPadToken   bool
		Completion    bool
		Device        string
	}{in.Base.Digest, in.Dataset.Digest, plan.LoRA, plan.Args, plan.MaxLength, plan.AppendEOS, plan.AddPadToken, plan.CompletionOnlyLoss, plan.Device})
}

// FindAdapter looks for an adapter that was made of the same before; Unchanged is set when there is one.
func (c *Control) FindAdapter(ctx context.Context, in spec.AdapterInput) (spec.AdapterResult, error) {
	return run(ctx, c.Instruments, spec.StageTrain, in, c.findAdapter)
}

func (c *Control) findAdapter(ctx context.Context, in spec.AdapterInput) (spec.AdapterResult, error) {
	key, err := trainKey(in)
	if err != nil {
		return spec.AdapterResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, trainStage, key,
		func(r spec.AdapterResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Ref} })
	found.Adapter, found.Unchanged = in.Plan.Name, reason
	return found, err
}

// TrainSegment trains one adapter from its newest checkpoint up to a step, or to the end, or until it is asked to stop;
// it saves before it stops.
func (d *Device) TrainSegment(ctx context.Context, in spec.SegmentInput) (spec.SegmentResult, error) {
	return run(ctx, d.Instruments, spec.StageTrain, in, d.trainSegment)
}

func (d *Device) trainSegment(ctx context.Context, in spec.SegmentInput) (result spec.SegmentResult, err error) {
	work := begin(ctx, d.Store, spec.Progress{Stage: spec.StageTrain, Adapter: in.Plan.Name}, bulkPatience)
	defer work.end()
	live, store := work.ctx, work.store

	folder, remove, err := scratch(d.Scratch, "train")
	if err != nil {
		return spec.SegmentResult{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, err := d.job(live, store, in.AdapterInput, folder)
	if err != nil {
		return spec.SegmentResult{}, err
	}
	key, err := trainKey(in.AdapterInput)
	if err != nil {
		return spec.SegmentResult{}, err
	}
	facts, err := factsOf(live, store, in.AdapterInput, key)
	if err != nil {
		return spec.SegmentResult{}, err
	}
	var adapter spec.ArtifactRef
	result, err = d.segment(ctx, work, segment{
		stage: spec.StageTrain, run: in.Run, name: in.Plan.Name, key: key, facts: facts, until: in.UntilStep, steps: in.Plan.SegmentSteps,
		keep: in.Plan.Args.SaveTotalLimit, curve: curveConfig{in.Plan, in.Base.Digest, in.Dataset.Digest},
	}, func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, error) {
		return d.Trainer.TrainLoRA(ctx, job, resume, watch)
	}, func(ctx context.Context, watch *observer, outcome spec.TrainOutcome) error {
		if err := accountForCut(filepath.Dir(job.TrainDataPath), job.OutputDir, watch.cut, outcome.RowsDropped, job.MaxLength); err != nil {
			return err
		}
		adapter, err = d.publishAdapter(ctx, store, in.AdapterInput, key, job.OutputDir, outcome)
		return err
	})
	result.Adapter = adapter
	return result, err
}

// job lays the inputs out on this machine and says to the engine where they are.
func (d *Device) job(ctx context.Context, store storage.Store, in spec.AdapterInput, folder string) (spec.LoRAJob, error) {
	base, err := d.base(ctx, store, in.Base)
	if err != nil {
		return spec.LoRAJob{}, err
	}
	dataset, err := d.Cache.Materialise(ctx, store, in.Dataset)
	if err != nil {
		return spec.LoRAJob{}, err
	}
	job := spec.LoRAJob{
		BaseModel: base, ModelType: "causal_lm", OutputDir: filepath.Join(folder, "adapter"),
		TrainDataPath: filepath.Join(dataset, trainFile), EvalDataPath: filepath.Join(dataset, evalFile),
		MaxLength: in.Plan.MaxLength, AppendEOS: in.Plan.AppendEOS, AddPadToken: in.Plan.AddPadToken,
		CompletionOnlyLoss: in.Plan.CompletionOnlyLoss,
		LoRA:               in.Plan.LoRA, Args: in.Plan.Args,
	}
	job.Args.OutputDir = filepath.Join(folder, "checkpoints")
	return job, nil
}

// factsOf is what a checkpoint tells of its making: by what configuration, template and tokenizer.
func factsOf(ctx context.Context, store storage.Store, in spec.AdapterInput, key spec.Digest) (checkpoint.Facts, error) {
	facts := checkpoint.Facts{Config: key, Engine: checkpoint.Engine{Device: in.Plan.Device}}
	dataset, err := artifact.Load(ctx, store, in.Dataset)
	if err != nil {
		return facts, err
	}
	facts.Template = spec.Digest(dataset.Meta[templateMeta])
	base, err := artifact.Load(ctx, store, in.Base)
	if tokenizer, found := base.File("tokenizer.json"); found {
		facts.Tokenizer = tokenizer.Digest
	}
	return facts, err
}

// publishAdapter stores what the training left in its output folder, with what it was made from and by, and records it for
// runs to come.
func (d *Device) publishAdapter(
	ctx context.Context, store storage.Store, in spec.AdapterInput, key spec.Digest, folder string, outcome spec.TrainOutcome,
) (spec.ArtifactRef, error) {
	config, err := publishConfig(ctx, store, in.Plan)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	ref, err := artifact.Publish(ctx, store, spec.KindAdapter, folder, []spec.Digest{in.Base.Digest, in.Dataset.Digest, config.Digest}, d.maker())
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	stands, err := remember(ctx, store, trainStage, key, spec.AdapterResult{Adapter: in.Plan.Name, Ref: ref, Outcome: outcome})
	return stands.Ref, err
}

// maker is what an artifact says of the program and the machine that made it.
func (d *Device) maker() map[string]string {
	meta := make(map[string]string)
	for name, text := range map[string]string{"code": d.Code, "machine": d.Machine} {
		if text != "" {
			meta[name] = text
		}
	}
	return meta
}

// configFile is the one file of a config artifact: the adapter's part of the pipeline, as the key of its training has it.
const configFile = "adapter.json"

// publishConfig stores what a training was asked for. The name of the adapter is no part of it.
func publishConfig(ctx context.Context, store storage.Store, plan spec.AdapterPlan) (spec.ArtifactRef, error) {
	plan.Name, plan.Args.OutputDir = "", ""
	return artifact.PublishJSON(ctx, store, spec.KindConfig, configFile, plan, nil)
}

// checkOutcome refuses an outcome that claims more or less than was agreed: a training that ends before its last step
// has failed, however calmly it ended.
func checkOutcome(outcome spec.TrainOutcome, watch *observer) error {
	if !isFinite(outcome.Loss) || !isFinite(outcome.EvalLoss) {
		return fault.New(fault.Diverged, "loss %v, held-out loss %v at step %d", outcome.Loss, outcome.EvalLoss, outcome.Step)
	}
	switch {
	case outcome.Done && outcome.Step != outcome.TotalSteps:
		return fmt.Errorf("the engine ended at step %d of %d and calls it done", outcome.Step, outcome.TotalSteps)
	case outcome.Done:
		return nil
	case watch.committed.Load() != outcome.Step && watch.resumedFrom != outcome.Step:
		return fmt.Errorf("the engine yielded at step %d, the newest checkpoint is of step %d", outcome.Step, watch.committed.Load())
	case outcome.Step >= watch.until || errors.Is(context.Cause(watch.live), errWorkerStops):
		return nil // the next segment goes on, here or elsewhere
	case watch.live.Err() != nil:
		return fault.New(fault.Preempted, "stopped and saved at step %d: %w", outcome.Step, context.Cause(watch.live))
	}
	return fmt.Errorf("the engine yielded at step %d, it was to go on to step %d", outcome.Step, watch.until)
}

// holder names an attempt in the lease.
func holder(ctx context.Context) string {
	info := activity.GetInfo(ctx)
	return fmt.Sprintf("%s/%s/%s/%d", info.WorkflowExecution.ID, info.WorkflowExecution.RunID, info.ActivityID, info.Attempt)
}

func sizeOf(snapshot spec.Snapshot) int64 {
	var size int64
	for _, content := range snapshot.Files {
		size += int64(len(content))
	}
	return size
}
