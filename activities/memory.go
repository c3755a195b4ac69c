package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"elara/data/instruct"
	"elara/scoring/memory"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
)

// memoryFile is the file of a report artifact that tells what an adapter has by heart: a spec.MemoryResult.
const memoryFile = "memory.json"

// memoryKey is the identity of what an adapter has by heart.
func memoryKey(in spec.EvaluateTargetInput) (spec.Digest, error) {
	template, err := instruct.Guide().Hash()
	if err != nil {
		return "", err
	}
	target := in.Target
	return memoryStage.key(struct {
		Base, Adapter, Dataset spec.Digest
		Plan                   spec.MemoryPlan
		Contamination          spec.Contamination
		Audience               spec.Audience
		MaxLength              int
		Completion             bool
		Device                 string
		Template               spec.Digest
	}{
		in.Base.Digest, target.Adapter.Digest, target.Dataset.Digest, in.Plan.Memory, in.Plan.Contamination, target.Audience,
		target.MaxLength, target.CompletionOnlyLoss, target.Device, template,
	})
}

// FindMemory looks for what the same adapter was asked before about the same rows; Unchanged is set when there is an answer.
func (c *Control) FindMemory(ctx context.Context, in spec.EvaluateTargetInput) (spec.MemoryResult, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.findMemory)
}

func (c *Control) findMemory(ctx context.Context, in spec.EvaluateTargetInput) (spec.MemoryResult, error) {
	key, err := memoryKey(in)
	if err != nil {
		return spec.MemoryResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, memoryStage, key,
		func(r spec.MemoryResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Report} })
	found.Unchanged = reason
	return found, err
}

// AskMemory asks an adapter, and its base beside it, what they have by heart of the rows that the adapter was trained on. Figures
// travel, lines of rows stay in the report, and no text is in either.
func (d *Device) AskMemory(ctx context.Context, in spec.EvaluateTargetInput) (spec.MemoryResult, error) {
	return run(ctx, d.Instruments, spec.StageEvaluate, in, d.askMemory)
}

func (d *Device) askMemory(ctx context.Context, in spec.EvaluateTargetInput) (result spec.MemoryResult, err error) {
	at := spec.Progress{Stage: spec.StageEvaluate, Adapter: in.Target.Name}
	work := begin(ctx, d.Store, at, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	folder, remove, err := scratch(d.Scratch, "memory")
	if err != nil {
		return spec.MemoryResult{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, err := d.memoryJob(ctx, store, in, folder)
	if err != nil {
		return spec.MemoryResult{}, err
	}
	work.pulse.loading()
	result, err = d.Evaluator.Memory(ctx, job, func(progress spec.Progress) {
		progress.Stage, progress.Adapter = at.Stage, at.Adapter
		work.pulse.step(progress)
	})
	if err != nil {
		return spec.MemoryResult{}, fmt.Errorf("memory of %s: %w", in.Target.Name, err)
	}
	result.Report, err = artifact.PublishJSON(ctx, store, spec.KindReport, memoryFile, result,
		[]spec.Digest{in.Base.Digest, in.Target.Adapter.Digest, in.Target.Dataset.Digest})
	if err != nil {
		return spec.MemoryResult{}, err
	}
	result.Verbatim.Lines = nil
	key, err := memoryKey(in)
	if err != nil {
		return spec.MemoryResult{}, err
	}
	return remember(ctx, store, memoryStage, key, result)
}

// memoryJob lays the inputs out on this machine. Held-out rows that stand in the training rows are no strangers to the adapter: they
// are taken out as they are for a score.
func (d *Device) memoryJob(ctx context.Context, store storage.Store, in spec.EvaluateTargetInput, scratch string) (spec.MemoryJob, error) {
	measured, held, err := d.evaluation(ctx, store, in, scratch)
	if err != nil {
		return spec.MemoryJob{}, err
	}
	plan := in.Plan.Memory
	return spec.MemoryJob{
		BaseModel: cmp.Or(measured.Model, measured.BaseModel), Adapter: measured.Adapter, // a model is asked alone
		TrainDataPath: held.train, EvalDataPath: held.path,
		Parts: plan.Parts, Audience: in.Target.Audience, MaxLength: measured.MaxLength, CompletionOnlyLoss: measured.CompletionOnlyLoss,
		MaxRows: plan.MaxRows, Seed: plan.Seed, Canaries: plan.Canaries, Bounds: plan.Bounds,
	}, nil
}

// plant writes canaries behind the training rows, each with an identity of its own, and gives how many it wrote. The order of the
// file is not that of the training.
func plant(in spec.FormatInput, write func(text string, row spec.UsedRow) error) (int64, error) {
	if in.Canaries.Count == 0 {
		return 0, nil
	}
	canaries, err := memory.Canaries(spec.CanaryPlan{
		Count: in.Canaries.Count, Candidates: spec.CandidatesPerCanary * in.Canaries.Count, Seed: in.Canaries.Seed,
	})
	if err != nil {
		return 0, err
	}
	once, err := memory.Texts(canaries, in.Plan.Audience)
	if err != nil {
		return 0, err
	}
	texts := slices.Repeat(once, in.Canaries.Repeats)
	for i, text := range texts {
		row := spec.UsedRow{File: spec.CanariesFile, Line: i + 1, Digest: spec.DigestOf(sha256.Sum256([]byte(text))), In: trainFile}
		if err := write(text, row); err != nil {
			return 0, err
		}
	}
	return int64(len(texts)), nil
}
