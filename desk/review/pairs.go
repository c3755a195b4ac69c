package review

import (
	"bytes"
	"context"
	"fmt"
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

// find gives the pair, of one of the sets. The newest sets are looked at first: what is missing came with them, most likely.
func (c *pairCache) find(ctx context.Context, sets []spec.ArtifactRef, digest spec.Digest) (preference.Pair, error) {
	for i := len(sets); ; i-- {
		c.mu.Lock()
		pair, found := c.pairs[digest]
		c.mu.Unlock()
		if found {
			return pair, nil
		}
		if i == 0 {
			return pair, fault.New(fault.Corrupt, "pair %s is in none of the collection's %d sets", digest.Short(), len(sets))
		}
		if err := c.read(ctx, sets[i-1]); err != nil {
			return pair, err
		}
	}
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
