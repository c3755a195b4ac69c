package tokenizer

import (
	"hash/maphash"
	"math/bits"
)

const (
	shortSlots       = 1 << 15
	longSlots        = 1 << 12
	longestCachedLen = 64 // bytes; longer words hardly come again
	longestKeyLen    = 15 // bytes of a word that its key spells out
	shortIDs         = 3  // tokens of a word beside its key
)

// wordCache remembers the tokens of words. Each word has one slot and the last one there wins, so the cache never
// grows. It belongs to a workspace and so to one goroutine at a time: it needs no lock, and a slot is written over
// without leaving garbage. It changes how fast ids are found, never which.
type wordCache struct {
	seed   maphash.Seed
	shorts [shortSlots]shortWord // most words by far: two of them in a line of the processor's cache, no pointer
	longs  [longSlots]cachedWord // those that do not fit there
}

// wordKey spells a word of at most longestKeyLen bytes, with its length in the last byte. No word has the zero key.
type wordKey struct{ low, high uint64 }

type shortWord struct {
	key   wordKey
	count int32
	ids   [shortIDs]int32
}

type cachedWord struct {
	word []byte
	ids  []int32
}

// newWordKey is the key of the first n bytes of s, 0 < n <= longestKeyLen.
func newWordKey(s string, n int) wordKey {
	if len(s) < 16 {
		var padded [16]byte
		copy(padded[:], s[:n])
		return wordKey{eight(padded[:8]), eight(padded[8:]) | uint64(n)<<56}
	}
	low := eight(s[:8]) & (^uint64(0) >> (64 - 8*min(n, 8)))
	high := eight(s[8:16]) & (1<<(8*max(n-8, 0)) - 1)
	return wordKey{low, high | uint64(n)<<56}
}

// eight is the number that the first eight bytes make, the first one lowest. The compiler makes one load of it.
func eight[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func (c *wordCache) short(key wordKey) *shortWord {
	high, low := bits.Mul64(key.low^0x9e3779b97f4a7c15, key.high^0xc2b2ae3d27d4eb4f)
	return &c.shorts[(high^low)%shortSlots]
}

func (c *wordCache) long(word string) *cachedWord {
	return &c.longs[maphash.String(c.seed, word)%longSlots]
}

func (s *shortWord) set(key wordKey, ids []int32) {
	s.key, s.count = key, int32(copy(s.ids[:], ids))
}

func (k *cachedWord) set(word string, ids []int32) {
	k.word = append(k.word[:0], word...)
	k.ids = append(k.ids[:0], ids...)
}
