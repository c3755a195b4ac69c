package tokenizer

import (
	"math"
	"sync"
)

// bpe turns one word, as raw bytes, into token ids.
type bpe struct {
	byteIDs [256]int32       // the token of a single byte, or none
	ranks   rankTable        // what pairs become
	merges  int              // ranks go from 0 to one less
	whole   map[string]int32 // raw words that are tokens as they stand; nil unless merges are to be ignored for them
	unknown int32            // the token of bytes that have none; none drops them
	fuse    bool             // one unknown token for a run of such bytes

	idle      workspaces
	longWords sync.Pool // of *longWord: as large as the word, so garbage collection may take them back
}

// appendWord appends the tokens of the word that is the first n bytes of s.
func (b *bpe) appendWord(dst []int32, s string, n int, w *workspace) []int32 {
	if n == 1 && b.byteIDs[s[0]] != none {
		return append(dst, b.byteIDs[s[0]])
	}
	if n > longestCachedLen {
		return b.encodeWord(dst, s[:n], w)
	}
	var key wordKey
	if n <= longestKeyLen {
		key = newWordKey(s, n)
		if known := w.cache.short(key); known.key == key {
			if known.count == 1 {
				return append(dst, known.ids[0])
			}
			return append(dst, known.ids[:known.count]...)
		}
	}
	word := s[:n]
	known := w.cache.long(word)
	if string(known.word) == word {
		return append(dst, known.ids...)
	}
	start := len(dst)
	dst = b.encodeWord(dst, word, w)
	ids := dst[start:]
	if n <= longestKeyLen && len(ids) <= shortIDs {
		w.cache.short(key).set(key, ids)
		return dst
	}
	known.set(word, ids)
	return dst
}

// encodeWord is appendWord without the cache.
func (b *bpe) encodeWord(dst []int32, word string, w *workspace) []int32 {
	if b.whole != nil {
		if id, found := b.whole[word]; found {
			return append(dst, id)
		}
	}
	if len(word) <= longestScanned {
		return b.mergeByScanning(dst, word, w)
	}
	return b.mergeByQueue(dst, word)
}

// appendBytes appends the token of each byte.
func (b *bpe) appendBytes(dst []int32, word string) []int32 {
	wasUnknown := false
	for i := range len(word) {
		id := b.byteIDs[word[i]]
		isUnknown := id == none
		if isUnknown {
			id = b.unknown
			if id == none || b.fuse && wasUnknown {
				continue
			}
		}
		wasUnknown = isUnknown
		dst = append(dst, id)
	}
	return dst
}

// longestScanned is the longest word, in bytes, in which the next merge is found by looking at all: up to there a look
// at a few lines of memory costs less than keeping a queue.
const longestScanned = 64

const noRank = math.MaxInt32

// mergeByScanning applies merges, lowest rank first and among equals leftmost first, until none applies.
func (b *bpe) mergeByScanning(dst []int32, word string, w *workspace) []int32 {
	start := len(dst)
	dst = b.appendBytes(dst, word)
	ids := dst[start:]
	if len(ids) < 2 {
		return dst
	}
	merges := w.merges[:len(ids)-1] // of each token with the next
	for i := range merges {
		merges[i] = b.mergeAt(ids, i)
	}
	for {
		best, at := int32(noRank), none
		for i := range merges {
			if merges[i].rank < best {
				best, at = merges[i].rank, i
			}
		}
		if at == none {
			return dst[:start+len(ids)]
		}
		ids[at] = merges[at].id
		copy(ids[at+1:], ids[at+2:])
		copy(merges[at:], merges[at+1:])
		ids, merges = ids[:len(ids)-1], merges[:len(merges)-1]
		if at > 0 {
			merges[at-1] = b.mergeAt(ids, at-1)
		}
		if at < len(merges) {
			merges[at] = b.mergeAt(ids, at)
		}
	}
}

// mergeAt is the merge of the token at i with the next; its rank is noRank when they stay apart.
func (b *bpe) mergeAt(ids []int32, i int) merge {
	if m, found := b.ranks.find(ids[i], ids[i+1]); found {
		return m
	}
	return merge{rank: noRank}
}
