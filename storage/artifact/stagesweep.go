package artifact

import (
	"context"
	"encoding/json"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// SweepStages removes the records of stages that were written before since and whose artifacts are not all marked, and
// gives their keys: such a result is about to be swept, and a stage that finds no record runs again. The artifacts of all
// other records are marked. A record that cannot be read is an error: what it needs is unknown.
func SweepStages(ctx context.Context, store storage.Store, marks cas.Marks, since time.Time) (removed []string, err error) {
	type record struct {
		key  string
		refs []spec.ArtifactRef
	}
	var old []record
	for info, err := range store.List(ctx, stagesPrefix) {
		if err != nil {
			return nil, err
		}
		_, refs, err := readStage(ctx, store, info.Key)
		if fault.Is(err, fault.NotFound) {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		if info.Modified.Before(since) {
			old = append(old, record{info.Key, refs})
			continue
		}
		if err := Mark(ctx, store, marks, refs...); err != nil {
			return nil, err
		}
	}
	for _, r := range old { // after all others have marked what they share
		if allMarked(marks, r.refs) {
			continue
		}
		if err := store.Delete(ctx, r.key); err != nil {
			return removed, err
		}
		removed = append(removed, r.key)
	}
	return removed, nil
}

func allMarked(marks cas.Marks, refs []spec.ArtifactRef) bool {
	for _, ref := range refs {
		if !marks.Has(ref.Digest) {
			return false
		}
	}
	return true
}

// readStage finds the references in a record, whatever the shape of the stage's result: objects with a kind and a digest. name is
// that of the adapter that the result is about; empty: it names none.
func readStage(ctx context.Context, store storage.Store, key string) (name spec.AdapterName, refs []spec.ArtifactRef, err error) {
	content, _, err := storage.ReadAll(ctx, store, key)
	if err != nil {
		return "", nil, err
	}
	var result any
	if err := json.Unmarshal(content, &result); err != nil {
		return "", nil, fault.New(fault.Corrupt, "read stage record %q: %w", key, err)
	}
	if fields, isObject := result.(map[string]any); isObject {
		adapter, _ := fields["adapter"].(string)
		name = spec.AdapterName(adapter)
	}
	return name, refsIn(result), nil
}

func refsIn(value any) (refs []spec.ArtifactRef) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			refs = append(refs, refsIn(item)...)
		}
	case map[string]any:
		kind, hasKind := v["kind"].(string)
		digest, hasDigest := v["digest"].(string)
		if hasKind && hasDigest && spec.Digest(digest).Check() == nil {
			size, _ := v["size_bytes"].(float64)
			return []spec.ArtifactRef{{Kind: spec.ArtifactKind(kind), Digest: spec.Digest(digest), SizeBytes: int64(size)}}
		}
		for _, field := range v { // the order does not matter: references are marked as a set
			refs = append(refs, refsIn(field)...)
		}
	}
	return refs
}
