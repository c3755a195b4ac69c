package activities

import (
	"bytes"
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
)

// OpenPreferences reads the pairs of a new collection and claims its name in the store.
func (c *Control) OpenPreferences(ctx context.Context, in spec.PreferencesInput) (spec.PairSet, error) {
	return run(ctx, c.Instruments, spec.StagePreferences, in, c.openPreferences)
}

func (c *Control) openPreferences(ctx context.Context, in spec.PreferencesInput) (spec.PairSet, error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePreferences}, bulkPatience)
	defer work.end()
	pairs, err := readPairs(work.ctx, work.store, in.Pairs)
	if err != nil {
		return spec.PairSet{}, err
	}
	if len(pairs) > spec.MaxPairs {
		return spec.PairSet{}, fault.New(fault.Invalid, "pairs %s: %d pairs, expected at most %d in one collection", in.Pairs.Digest.Short(), len(pairs), spec.MaxPairs)
	}
	set := spec.PairSet{Ref: in.Pairs}
	for _, pair := range pairs {
		sum := pair.Sum()
		set.Digests = append(set.Digests, sum[:]...)
	}
	return set, artifact.OpenCollection(work.ctx, work.store, artifact.Collection{
		Run: in.Run, Origin: activity.GetInfo(ctx).WorkflowExecution.RunID, Pairs: []spec.ArtifactRef{in.Pairs},
	})
}

func readPairs(ctx context.Context, store storage.Store, ref spec.ArtifactRef) ([]preference.Pair, error) {
	content, err := artifact.ReadFile(ctx, store, ref, preference.PairsFile)
	if err != nil {
		return nil, err
	}
	return preference.ReadPairs(fmt.Sprintf("pairs %s: %s", ref.Digest.Short(), preference.PairsFile), bytes.NewReader(content))
}

// ReadImport reads an artifact of judgements that were made elsewhere.
func (c *Control) ReadImport(ctx context.Context, ref spec.ArtifactRef) (spec.ImportedSet, error) {
	return run(ctx, c.Instruments, spec.StagePreferences, ref, c.readImport)
}

func (c *Control) readImport(ctx context.Context, ref spec.ArtifactRef) (spec.ImportedSet, error) {
	if ref.Kind != spec.KindPairs {
		return spec.ImportedSet{}, fault.New(fault.Invalid, "import %s: expected an artifact of kind %s, found %q", ref.Digest.Short(), spec.KindPairs, string(ref.Kind))
	}
	pairs, err := readPairs(ctx, c.Store, ref)
	if err != nil {
		return spec.ImportedSet{}, err
	}
	content, err := artifact.ReadFile(ctx, c.Store, ref, preference.JudgementsFile)
	if err != nil {
		return spec.ImportedSet{}, err
	}
	judged, err := preference.ReadJudgements(fmt.Sprintf("import %s: %s", ref.Digest.Short(), preference.JudgementsFile), bytes.NewReader(content))
	if err != nil {
		return spec.ImportedSet{}, err
	}
	if len(judged) != len(pairs) || len(pairs) > spec.MaxImportRows {
		return spec.ImportedSet{}, fault.New(fault.Invalid, "import %s: %d judgements of %d pairs, expected one each, and at most %d",
			ref.Digest.Short(), len(judged), len(pairs), spec.MaxImportRows)
	}
	set := spec.ImportedSet{PairSet: spec.PairSet{Ref: ref}}
	var marks preference.Marks
	for i, pair := range pairs {
		if judged[i].Pair != pair.Digest() {
			return spec.ImportedSet{}, fault.New(fault.Invalid, "import %s: judgement %d is not about pair %d", ref.Digest.Short(), i+1, i+1)
		}
		sum, swapped := pair.Sum(), pair.Swapped().Sum()
		set.Digests, set.Swapped = append(set.Digests, sum[:]...), append(set.Swapped, swapped[:]...)
		mark, _ := preference.MarkOf(judged[i].Outcome, true)
		marks.Set(i, mark)
	}
	set.Outcomes = string(marks)
	return set, nil
}

// Escalate tells people that a collection stands still.
func (c *Control) Escalate(ctx context.Context, in spec.Escalation) (spec.Escalation, error) {
	return run(ctx, c.Instruments, spec.StagePreferences, in, func(ctx context.Context, in spec.Escalation) (spec.Escalation, error) {
		activity.GetLogger(ctx).Warn("nobody has judged for a while", "collection", in.Run, "level", in.Level,
			"idle_hours", in.IdleHours, "judged", in.Judged, "wanted", in.Wanted)
		return in, c.tell(ctx, spec.Notice{Kind: spec.NoticePreferences, Run: in.Run, Level: in.Level})
	})
}

// words reads what a reviewer wrote. Words that the store does not have or has damaged, or that are no reason but a book,
// are left out: the judgement counts without them.
func words(ctx context.Context, store storage.Store, reason spec.Digest) (string, error) {
	if reason == "" {
		return "", nil
	}
	info, err := store.Stat(ctx, cas.Key(reason))
	if fault.Is(err, fault.NotFound) || err == nil && info.SizeBytes > spec.MaxReason {
		activity.GetLogger(ctx).Warn("a reason is not in the store, or too long to be one", "digest", reason, "bytes", info.SizeBytes)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	content, err := cas.Read(ctx, store, reason)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt) {
		activity.GetLogger(ctx).Warn("a reason has left the store, or is damaged there", "digest", reason)
		return "", nil
	}
	return string(bytes.ToValidUTF8(content, []byte("\ufffd"))), err
}
