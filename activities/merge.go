package activities

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"elara/data/instruct"
	"elara/data/source"
	"elara/scoring/memory"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// Merger merges adapters on this machine. The engine provides it.
type Merger interface {
	// Merge leaves each candidate of the job in a folder of its name in job.OutputDir, with the certificate without which there
	// is none. It calls progress after every tensor and every held-out row, from one goroutine at a time.
	Merge(ctx context.Context, job spec.MergeJob, progress func(spec.Progress)) (spec.MergeOutcome, error)
}

// rankingFile is the one file of a merge's report: spec.MergeOutcome.
const rankingFile = "ranking.json"

// mergeKey is the identity of a merge: everything that it is made of, and measured on.
func mergeKey(in spec.MergeInput) (spec.Digest, error) {
	in.Run, in.TrainQueue, in.Plan.Gates = "", "", spec.GateRules{}
	in.Base = spec.ArtifactRef{Digest: in.Base.Digest}
	targets := make([]spec.MergeTarget, len(in.Adapters))
	for i, a := range in.Adapters {
		targets[i] = spec.MergeTarget{
			Name: a.Name, Adapter: spec.ArtifactRef{Digest: a.Adapter.Digest}, Dataset: spec.ArtifactRef{Digest: a.Dataset.Digest},
		}
	}
	in.Adapters = targets
	return mergeStage.key(in)
}

// FindMerged looks for a merge of the same before; Unchanged is set when there is one.
func (c *Control) FindMerged(ctx context.Context, in spec.MergeInput) (spec.MergeResult, error) {
	return run(ctx, c.Instruments, spec.StageMerge, in, c.findMerged)
}

func (c *Control) findMerged(ctx context.Context, in spec.MergeInput) (spec.MergeResult, error) {
	key, err := mergeKey(in)
	if err != nil {
		return spec.MergeResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, mergeStage, key, func(r spec.MergeResult) []spec.ArtifactRef {
		refs := []spec.ArtifactRef{r.Report}
		for _, candidate := range r.Candidates {
			refs = append(refs, candidate.Ref)
		}
		return refs
	})
	found.Unchanged = reason
	return found, err
}

// MergeAdapters makes the candidates, measures them on rows that were held out for the adapters, and publishes them.
func (d *Device) MergeAdapters(ctx context.Context, in spec.MergeInput) (spec.MergeResult, error) {
	return run(ctx, d.Instruments, spec.StageMerge, in, d.mergeAdapters)
}

func (d *Device) mergeAdapters(ctx context.Context, in spec.MergeInput) (result spec.MergeResult, err error) {
	work := begin(ctx, d.Store, spec.Progress{Stage: spec.StageMerge}, bulkPatience)
	defer work.end()
	folder, remove, err := scratch(d.Scratch, "merge")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, err := d.mergeJob(work.ctx, work.store, in, folder)
	if err != nil {
		return result, err
	}
	work.pulse.loading()
	outcome, err := d.Merger.Merge(work.ctx, job, work.pulse.step)
	if err != nil {
		return result, fmt.Errorf("merge: %w", err)
	}
	if len(outcome.Candidates) != len(in.Plan.Candidates) {
		return result, fmt.Errorf("merge: %d candidates of %d ways to merge", len(outcome.Candidates), len(in.Plan.Candidates))
	}
	if result, err = publishMerged(work.ctx, work.store, in, job.OutputDir, outcome); err != nil {
		return result, err
	}
	key, err := mergeKey(in)
	if err != nil {
		return result, err
	}
	return remember(work.ctx, work.store, mergeStage, key, result)
}

// mergeJob lays the inputs out on this machine and says to the engine where they are.
func (d *Device) mergeJob(ctx context.Context, store storage.Store, in spec.MergeInput, folder string) (spec.MergeJob, error) {
	base, err := d.base(ctx, store, in.Base)
	if err != nil {
		return spec.MergeJob{}, err
	}
	job := spec.MergeJob{
		BaseModel: base, Into: in.Plan.Into, DType: in.Plan.DType, OutputDir: filepath.Join(folder, "merged"), Candidates: in.Plan.Candidates,
		Seed: in.Plan.Seed, EvalDataPath: filepath.Join(folder, evalFile),
		MaxLength: in.MaxLength, AppendEOS: in.AppendEOS, CompletionOnlyLoss: in.CompletionOnlyLoss,
	}
	var held []string
	for _, target := range in.Adapters {
		adapter, err := d.Cache.Materialise(ctx, store, target.Adapter)
		if err != nil {
			return spec.MergeJob{}, err
		}
		dataset, err := d.Cache.Materialise(ctx, store, target.Dataset)
		if err != nil {
			return spec.MergeJob{}, err
		}
		job.Adapters = append(job.Adapters, spec.MergeAdapter{Name: string(target.Name), Path: adapter})
		held = append(held, filepath.Join(dataset, evalFile))
	}
	return job, joinRows(ctx, job.EvalDataPath, held, in.Plan.MaxRows)
}

// everyRow makes joinRows take all.
const everyRow = -1

// joinRows writes the first rows of some files into one, so many of each: no adapter's rows outweigh another's by their number.
// Canaries, which were planted to be found in the adapters, are left out.
func joinRows(ctx context.Context, path string, from []string, most int) error {
	var rows []string
	for _, name := range from {
		count := 0
		for text, err := range source.Texts(ctx, name) {
			if err != nil {
				return err
			}
			if question, _, found := instruct.Split(text.Text); found && memory.IsQuestion(question) {
				continue
			}
			rows = append(rows, text.Text)
			if count++; count == most {
				break
			}
		}
	}
	return writeTexts(path, rows)
}

// publishMerged stores the candidates, each with the base and the adapters as what it was made of, and the ranking.
func publishMerged(ctx context.Context, store storage.Store, in spec.MergeInput, folder string, outcome spec.MergeOutcome) (result spec.MergeResult, err error) {
	inputs := []spec.Digest{in.Base.Digest}
	for _, target := range in.Adapters {
		inputs = append(inputs, target.Adapter.Digest)
	}
	kind := spec.KindAdapter
	if in.Plan.Into == spec.IntoBase {
		kind = spec.KindBaseModel
	}
	measuredOn := inputs
	for i, candidate := range outcome.Candidates {
		if !isFinite(candidate.Loss) {
			return result, fault.New(fault.Diverged, "merge %s: held-out loss %v", candidate.Method.Name, candidate.Loss)
		}
		ref, err := artifact.Publish(ctx, store, kind, filepath.Join(folder, candidate.Method.Name), inputs, nil)
		if err != nil {
			return result, err
		}
		outcome.Candidates[i].Ref = ref
		measuredOn = append(measuredOn, ref.Digest)
	}
	for _, target := range in.Adapters {
		measuredOn = append(measuredOn, target.Dataset.Digest)
	}
	result.Candidates, result.Best = outcome.Candidates, outcome.Candidates[0].Ref
	result.Report, err = artifact.PublishJSON(ctx, store, spec.KindReport, rankingFile, outcome, measuredOn)
	return result, err
}
