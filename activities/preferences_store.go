package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"elara/data/preference"
	"elara/data/trl"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// StoreJudgements adds a batch to the chain of a collection, with the reviewers' words, and points to it.
func (c *Control) StoreJudgements(ctx context.Context, in spec.StoreJudgementsInput) (spec.StoredJudgements, error) {
	return run(ctx, c.Instruments, spec.StagePreferences, in, c.storeJudgements)
}

func (c *Control) storeJudgements(ctx context.Context, in spec.StoreJudgementsInput) (spec.StoredJudgements, error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePreferences}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	stored := in.Before
	if len(in.Batch) > 0 {
		judged, err := withWords(ctx, store, in.Batch)
		if err != nil {
			return spec.StoredJudgements{}, err
		}
		var lines bytes.Buffer
		if err := preference.WriteJudgements(&lines, judged); err != nil {
			return spec.StoredJudgements{}, err
		}
		head, err := artifact.PublishLink(ctx, store, spec.KindJudgements, map[string][]byte{preference.JudgementsFile: lines.Bytes()}, in.Before.Head, digestsOf(in.Pairs))
		if err != nil {
			return spec.StoredJudgements{}, err
		}
		stored = spec.StoredJudgements{Head: head, Count: in.Before.Count + int64(len(in.Batch))}
	}
	return stored, artifact.AdvanceCollection(ctx, store, in.Run, in.Pairs, stored, spec.ArtifactRef{})
}

// wordsAtOnce is how many reasons are read at the same time: one after the other they would not be read in the time that
// storing has where the store is slow.
const wordsAtOnce = 10

func withWords(ctx context.Context, store storage.Store, batch []spec.RecordedJudgement) ([]preference.Judged, error) {
	judged := make([]preference.Judged, len(batch))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(wordsAtOnce)
	for i, j := range batch {
		judged[i].RecordedJudgement = j
		reading.Go(func() (err error) {
			judged[i].Words, err = words(ctx, store, j.Reason)
			return err
		})
	}
	return judged, reading.Wait()
}

func digestsOf(refs []spec.ArtifactRef) []spec.Digest {
	var digests []spec.Digest
	for _, ref := range refs {
		digests = append(digests, ref.Digest)
	}
	return digests
}

// CompilePreferences makes the result of a collection: its pairs, all judgements, the decided pairs as TRL's trainers take
// them, and a summary. It refuses a chain that does not hold as many judgements as were recorded.
func (c *Control) CompilePreferences(ctx context.Context, in spec.CompileInput) (spec.CompiledPreferences, error) {
	return run(ctx, c.Instruments, spec.StagePreferences, in, c.compilePreferences)
}

func (c *Control) compilePreferences(ctx context.Context, in spec.CompileInput) (spec.CompiledPreferences, error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePreferences}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	var sets [][]preference.Pair
	for _, ref := range in.Pairs {
		set, err := readPairs(ctx, store, ref)
		if err != nil {
			return spec.CompiledPreferences{}, err
		}
		sets = append(sets, set)
	}
	judged, err := readJudgements(ctx, store, in.Stored)
	if err != nil {
		return spec.CompiledPreferences{}, err
	}
	if int64(len(judged)) != in.Judged {
		return spec.CompiledPreferences{}, fault.New(fault.Corrupt, "%d judgements were recorded, %d were stored", in.Judged, len(judged))
	}
	collected, err := preference.Collect(preference.Union(sets...), judged)
	if err != nil {
		return spec.CompiledPreferences{}, err
	}
	files, err := resultFiles(collected, judged, collected.Summary(in.Run, in.Name))
	if err != nil {
		return spec.CompiledPreferences{}, err
	}
	inputs := digestsOf(in.Pairs)
	if !in.Stored.Head.IsZero() {
		inputs = append(inputs, in.Stored.Head.Digest)
	}
	ref, err := artifact.PublishBytes(ctx, store, spec.KindPreferences, files, inputs, nil)
	if err != nil {
		return spec.CompiledPreferences{}, err
	}
	return spec.CompiledPreferences{Ref: ref, Counts: collected.Counts, Agreement: collected.Agreement},
		artifact.AdvanceCollection(ctx, store, in.Run, in.Pairs, in.Stored, ref)
}

func resultFiles(collected preference.Collected, judged []preference.Judged, summary preference.Summary) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, write := range map[string]func(*bytes.Buffer) error{
		preference.PairsFile:      func(b *bytes.Buffer) error { return preference.WritePairs(b, collected.Pairs) },
		preference.JudgementsFile: func(b *bytes.Buffer) error { return preference.WriteJudgements(b, judged) },
		preference.DecidedFile:    func(b *bytes.Buffer) error { return trl.WriteLines(b, trl.Decisions(collected)) },
		preference.SummaryFile: func(b *bytes.Buffer) error {
			encoder := json.NewEncoder(b)
			encoder.SetIndent("", "  ")
			return encoder.Encode(summary)
		},
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

func readJudgements(ctx context.Context, store storage.Store, stored spec.StoredJudgements) ([]preference.Judged, error) {
	batches, err := artifact.ReadChain(ctx, store, stored.Head, preference.JudgementsFile)
	if err != nil {
		return nil, err
	}
	all, err := preference.ReadBatches(batches)
	if err == nil && int64(len(all)) != stored.Count {
		err = fault.New(fault.Corrupt, "the store holds %d judgements, %d were recorded", len(all), stored.Count)
	}
	return all, err
}
