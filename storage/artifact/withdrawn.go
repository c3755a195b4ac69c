package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

const (
	withdrawnPrefix = "withdrawn/"
	tombstoneFile   = "tombstone.json" // of a tombstone artifact, a spec.Withdrawal
)

// Tombstone is a withdrawal that stands.
type Tombstone struct {
	Ref spec.ArtifactRef
	spec.Withdrawal
}

// Withdraw records that a source or a row must not be trained on any more, and gives what stands: the first withdrawal of
// the same is never replaced.
func Withdraw(ctx context.Context, store storage.Store, w spec.Withdrawal) (Tombstone, error) {
	if err := w.Check(); err != nil {
		return Tombstone{}, err
	}
	ref, err := PublishJSON(ctx, store, spec.KindTombstone, tombstoneFile, w, nil)
	if err != nil {
		return Tombstone{}, err
	}
	pointer, err := json.Marshal(ref)
	if err != nil {
		return Tombstone{}, fault.New(fault.Invalid, "withdrawal: %w", err)
	}
	key := withdrawnPrefix + string(spec.DigestOf(sha256.Sum256([]byte(w.Source+"\x00"+string(w.Row))))) + ".json"
	if _, err := storage.PutBytes(ctx, store, key, pointer, storage.IfAbsent()); err != nil && !fault.Is(err, fault.Conflict) {
		return Tombstone{}, err
	}
	return readTombstone(ctx, store, key)
}

// readsAtOnce is how many tombstones are read at the same time: each takes three requests.
const readsAtOnce = 16

// Withdrawn gives all withdrawals, in the order of their keys.
func Withdrawn(ctx context.Context, store storage.Store) ([]Tombstone, error) {
	var keys []string
	for info, err := range store.List(ctx, withdrawnPrefix) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, info.Key)
	}
	all := make([]Tombstone, len(keys))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(readsAtOnce)
	for i, key := range keys {
		reading.Go(func() (err error) {
			all[i], err = readTombstone(ctx, store, key)
			return err
		})
	}
	return all, reading.Wait()
}

func readTombstone(ctx context.Context, store storage.Store, key string) (Tombstone, error) {
	content, _, err := storage.ReadAll(ctx, store, key)
	if err != nil {
		return Tombstone{}, err
	}
	var ref spec.ArtifactRef
	if err := json.Unmarshal(content, &ref); err != nil {
		return Tombstone{}, fault.New(fault.Corrupt, "read withdrawal %q: %w", key, err)
	}
	w, err := readJSON[spec.Withdrawal](ctx, store, ref, tombstoneFile)
	return Tombstone{Ref: ref, Withdrawal: w}, err
}
