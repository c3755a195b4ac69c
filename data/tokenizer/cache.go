package tokenizer

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	cacheSlots       = 1 << 15
	longestCachedLen = 64 // bytes; longer words hardly come again
)

// wordCache remembers the tokens of words. Each word has one slot and the last one there wins, so the cache needs no
// lock and never grows. It changes how fast ids are found, never which.
type wordCache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cachedWord]
}

type cachedWord struct {
	word string
	ids  []int32
}

func newWordCache() *wordCache { return &wordCache{seed: maphash.MakeSeed()} }

func (c *wordCache) slot(word string) *atomic.Pointer[cachedWord] {
	return &c.slots[maphash.String(c.seed, word)%cacheSlots]
}
