package retention

import (
	"context"
	"slices"
	"strings"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/checkpoint"
)

// keepLast is how many checkpoints of a training stay whose run is over: the newest, so that what it had can be looked at.
const keepLast = 1

// Options say what is needed beside what the store itself knows of.
type Options struct {
	Keep     []spec.ArtifactRef // with all that they were made from
	Live     []spec.RunID       // runs whose checkpoints stay, all of them
	Busy     bool               // a run goes on: it may take any recorded result of a stage
	Grace    time.Duration      // what was written within it stays; at least twice cas.FreshFor
	Now      time.Time
	Rehearse bool // remove nothing, and tell what would be removed
}

// Result is what was removed, or would be.
type Result struct {
	Checkpoints []string   `json:"checkpoints"` // keys of manifests
	Records     []string   `json:"records"`     // keys of stage records
	Blobs       []cas.Blob `json:"blobs"`
	SizeBytes   int64      `json:"size_bytes"` // of the blobs
	KeptBlobs   int        `json:"kept_blobs"`
	KeptBytes   int64      `json:"kept_bytes"`
}

// Prune removes what nothing needs. When it ends with an error, the result tells what was removed until then; calling it
// again goes on.
func Prune(ctx context.Context, store storage.Store, o Options) (result Result, err error) {
	if err := cas.CheckGrace(o.Grace); err != nil {
		return Result{}, err
	}
	if o.Rehearse {
		store = &rehearsal{Store: store, gone: map[string]bool{}}
	}
	if result.Checkpoints, err = sweepCheckpoints(ctx, store, o); err != nil {
		return result, err
	}
	released, err := artifact.Released(ctx, store)
	if err != nil {
		return result, err
	}
	collected, err := artifact.Collected(ctx, store)
	if err != nil {
		return result, err
	}
	withdrawn, err := artifact.Withdrawn(ctx, store)
	if err != nil {
		return result, err
	}
	keep := slices.Concat(released, collected, o.Keep)
	for _, tombstone := range withdrawn {
		keep = append(keep, tombstone.Ref)
	}
	marks := make(cas.Marks)
	if err := mark(ctx, store, marks, keep); err != nil {
		return result, err
	}
	if err := checkpoint.Mark(ctx, store, marks); err != nil {
		return result, err
	}
	since := o.Now.Add(-o.Grace)
	if o.Busy {
		since = time.Time{}
	}
	if result.Records, err = artifact.SweepStages(ctx, store, marks, since); err != nil {
		return result, err
	}
	if result.Blobs, err = cas.Sweep(ctx, store, marks, o.Grace, o.Now); err != nil {
		return result, err
	}
	for _, blob := range result.Blobs {
		result.SizeBytes += blob.SizeBytes
	}
	for info, err := range store.List(ctx, cas.Prefix) {
		if err != nil {
			return result, err
		}
		result.KeptBlobs++
		result.KeptBytes += info.SizeBytes
	}
	return result, nil
}

// sweepCheckpoints removes all but the newest checkpoint of every training whose run is not live.
func sweepCheckpoints(ctx context.Context, store storage.Store, o Options) ([]string, error) {
	live := map[spec.RunID]bool{}
	for _, run := range o.Live {
		live[run] = true
	}
	trainings, err := checkpoint.Trainings(ctx, store)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, training := range trainings {
		if live[training.Run] {
			continue
		}
		keys, err := checkpoint.Sweep(ctx, store, training.Run, training.Adapter, keepLast, o.Grace)
		removed = append(removed, keys...)
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// mark marks artifacts with all that they were made from. What is gone is gone; a manifest that is there and damaged is an
// error, because what it needs cannot be known and may yet be mended.
func mark(ctx context.Context, store storage.Store, marks cas.Marks, refs []spec.ArtifactRef) error {
	for _, ref := range refs {
		ancestors, err := artifact.Lineage(ctx, store, ref)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, ancestor := range ancestors {
			if ancestor.Missing {
				if _, err := cas.Read(ctx, store, ancestor.Ref.Digest); !fault.Is(err, fault.NotFound) {
					return fault.New(fault.Corrupt, "artifact %s, which %s was made from, is damaged: %w",
						ancestor.Ref.Digest.Short(), ref.Digest.Short(), err)
				}
			}
		}
		if err := artifact.Mark(ctx, store, marks, ref); err != nil {
			return err
		}
	}
	return nil
}

// Lines names everything that went, one thing a line, as keys of the store.
func (r Result) Lines() string {
	var b strings.Builder
	for _, key := range append(append([]string{}, r.Checkpoints...), r.Records...) {
		b.WriteString(key + "\n")
	}
	for _, blob := range r.Blobs {
		b.WriteString(cas.Key(blob.Digest) + "\n")
	}
	return b.String()
}
