package activities

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"elara/data/corpus"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// CollectCorpus freezes the documents that the sources of a continued pre-training mean now.
func (c *Control) CollectCorpus(ctx context.Context, in spec.PretrainInput) (spec.CorpusResult, error) {
	return run(ctx, c.Instruments, spec.StagePretrain, in, c.collectCorpus)
}

func (c *Control) collectCorpus(ctx context.Context, in spec.PretrainInput) (result spec.CorpusResult, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePretrain}, bulkPatience)
	defer work.end()

	folder, remove, err := scratch(c.Scratch, "corpus")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := writeCorpus(work, in.Plan, folder, &result); err != nil {
		return result, err
	}
	switch {
	case result.TrainDocs == 0:
		return result, fault.At(in.Plan.Sources[0].Path, 0, "no document to train on (%d held out, %d blank), expected at least one", result.EvalDocs, result.Blank)
	case in.Plan.EvalPercent > 0 && result.EvalDocs == 0:
		return result, fault.At(in.Plan.Sources[0].Path, 0, "none of %d documents is held out, expected a larger eval_percent than %v, or more documents",
			result.TrainDocs, in.Plan.EvalPercent)
	}
	result.Corpus, err = artifact.Publish(work.ctx, work.store, spec.KindCorpus, folder, nil, nil)
	return result, err
}

// writeCorpus writes the documents, in the order of the sources, to the side that each belongs to.
func writeCorpus(work shift, plan spec.PretrainPlan, folder string, result *spec.CorpusResult) (err error) {
	train, err := createFile(filepath.Join(folder, trainFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, train.Close()) }()
	var held *bufferedFile
	if plan.EvalPercent > 0 {
		if held, err = createFile(filepath.Join(folder, evalFile)); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, held.Close()) }()
	}
	for _, from := range plan.Sources {
		files, err := corpus.Resolve(from.Path)
		if err != nil {
			return err
		}
		reader := corpus.Reader{By: from.SampleBy}
		for document, err := range reader.Documents(work.ctx, files) {
			if err != nil {
				return err
			}
			side, count := train, &result.TrainDocs
			if corpus.IsHeldOut(document.Text, plan.EvalPercent) {
				side, count = held, &result.EvalDocs
			}
			line, err := json.Marshal(map[string]string{"text": document.Text})
			if err != nil {
				return err
			}
			if _, err := side.Write(append(line, '\n')); err != nil {
				return onDisk(err)
			}
			*count++
			work.pulse.row()
		}
		result.Blank += reader.Blank
	}
	return nil
}
