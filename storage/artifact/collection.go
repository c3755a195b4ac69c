package artifact

import (
	"context"
	"encoding/json"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// Collection is the pointer of a collection of preferences: what a person has said cannot be made anew, so it is kept
// whether or not the server that collects still knows of it.
type Collection struct {
	Run    spec.RunID            `json:"run"`
	Origin string                `json:"origin"` // identifies the collection among those of the same name
	Pairs  []spec.ArtifactRef    `json:"pairs"`
	Stored spec.StoredJudgements `json:"stored"`
	Result spec.ArtifactRef      `json:"result,omitzero"` // set when it is over
}

const collectionsPrefix = "preferences/"

// CollectionKey gives the object key of a collection's pointer.
func CollectionKey(run spec.RunID) string { return collectionsPrefix + string(run) + ".json" }

// OpenCollection puts the pointer of a new collection. Doing so again is no error; a collection of that name and another
// origin is Conflict.
func OpenCollection(ctx context.Context, store storage.Store, c Collection) error {
	held, _, err := readCollection(ctx, store, c.Run)
	if fault.Is(err, fault.NotFound) {
		err = c.put(ctx, store, storage.IfAbsent())
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		held, _, err = readCollection(ctx, store, c.Run)
	}
	if err != nil {
		return err
	}
	if held.Origin != c.Origin {
		return fault.New(fault.Conflict, "the store holds a collection %s already, with %d judgements: expected another name", c.Run, held.Stored.Count)
	}
	return nil
}

// AdvanceCollection points to more than before. A state with fewer judgements than the pointer has, of an attempt that was
// given up, changes nothing.
func AdvanceCollection(ctx context.Context, store storage.Store, run spec.RunID, pairs []spec.ArtifactRef, stored spec.StoredJudgements, result spec.ArtifactRef) error {
	held, condition, err := readCollection(ctx, store, run)
	if err != nil {
		return err
	}
	next := Collection{Run: run, Origin: held.Origin, Pairs: pairs, Stored: stored, Result: result}
	if stored.Count < held.Stored.Count || len(pairs) < len(held.Pairs) || result.IsZero() && !held.Result.IsZero() {
		return nil
	}
	return next.put(ctx, store, condition)
}

// FindCollection reads the pointer of a collection.
func FindCollection(ctx context.Context, store storage.Store, run spec.RunID) (Collection, error) {
	c, _, err := readCollection(ctx, store, run)
	return c, err
}

// Collected gives what all collections need, in the order of their keys: their pairs, judgements and results.
func Collected(ctx context.Context, store storage.Store) ([]spec.ArtifactRef, error) {
	var all []spec.ArtifactRef
	for name, err := range pointers(ctx, store, collectionsPrefix) {
		if err != nil {
			return nil, err
		}
		c, _, err := readCollection(ctx, store, spec.RunID(name))
		if err != nil {
			return nil, err
		}
		for _, ref := range append([]spec.ArtifactRef{c.Stored.Head, c.Result}, c.Pairs...) {
			if !ref.IsZero() {
				all = append(all, ref)
			}
		}
	}
	return all, nil
}

// put writes the pointer.
func (c Collection) put(ctx context.Context, store storage.Store, condition storage.Condition) error {
	content, err := json.Marshal(c)
	if err != nil {
		return fault.New(fault.Invalid, "pointer of collection %s: %w", c.Run, err)
	}
	_, err = storage.Replace(ctx, store, CollectionKey(c.Run), content, condition)
	return err
}

func readCollection(ctx context.Context, store storage.Store, run spec.RunID) (Collection, storage.Condition, error) {
	if err := run.Check(); err != nil {
		return Collection{}, storage.Condition{}, err
	}
	content, info, err := storage.ReadAll(ctx, store, CollectionKey(run))
	if err != nil {
		return Collection{}, storage.Condition{}, err
	}
	var c Collection
	if err := json.Unmarshal(content, &c); err != nil || c.Run != run {
		return Collection{}, storage.Condition{}, fault.New(fault.Corrupt, "pointer %q does not belong to collection %s", CollectionKey(run), run)
	}
	return c, storage.IfMatch(info.ETag), nil
}
