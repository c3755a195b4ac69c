package review

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// pairsKept is how many pairs a desk remembers: those of a few collections.
const pairsKept = 4 * spec.MaxPairs

// pairCache remembers pairs by their digest. A digest has one text, for good.
type pairCache struct {
	store storage.Store
	mu    sync.Mutex
	pairs map[spec.Digest]preference.Pair
}

func newPairCache(store storage.Store) *pairCache {
	return &pairCache{store: store, pairs: map[spec.Digest]preference.Pair{}}
}

// find gives the pair, of one of the sets, which it asks for when it does not know the pair. The newest sets are looked at
// first: what is missing came with them, most likely.
func (c *pairCache) find(ctx context.Context, digest spec.Digest, sets func() ([]spec.ArtifactRef, error)) (preference.Pair, error) {
	if pair, found := c.known(digest); found {
		return pair, nil
	}
	all, err := sets()
	if err != nil {
		return preference.Pair{}, err
	}
	for _, set := range slices.Backward(all) {
		if err := c.read(ctx, set); err != nil {
			return preference.Pair{}, err
		}
		if pair, found := c.known(digest); found {
			return pair, nil
		}
	}
	return preference.Pair{}, fault.New(fault.Corrupt, "pair %s is in none of the collection's %d sets", digest.Short(), len(all))
}

func (c *pairCache) known(digest spec.Digest) (preference.Pair, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pair, found := c.pairs[digest]
	return pair, found
}

// ReadPairs reads a set of pairs of a collection.
func ReadPairs(ctx context.Context, store storage.Store, set spec.ArtifactRef) ([]preference.Pair, error) {
	content, err := artifact.ReadFile(ctx, store, set, preference.PairsFile)
	if err != nil {
		return nil, err
	}
	return preference.ReadPairs(fmt.Sprintf("pairs %s: %s", set.Digest.Short(), preference.PairsFile), bytes.NewReader(content))
}

func (c *pairCache) read(ctx context.Context, set spec.ArtifactRef) error {
	pairs, err := ReadPairs(ctx, c.store, set)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pairs)+len(pairs) > pairsKept {
		clear(c.pairs)
	}
	for _, pair := range pairs {
		c.pairs[pair.Digest()] = pair
	}
	return nil
}
