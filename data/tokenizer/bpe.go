package tokenizer

import (
	"strings"
	"sync"
)

const none = -1

// pair is two neighbouring tokens, the left one in the high half.
type pair uint64

func newPair(left, right int32) pair { return pair(uint64(uint32(left))<<32 | uint64(uint32(right))) }

// merge says what a pair becomes, and how early: lower ranks first.
type merge struct{ rank, id int32 }

// bpe turns one word, as raw bytes, into token ids.
type bpe struct {
	byteIDs [256]int32       // the token of a single byte, or none
	merges  map[pair]merge   // by pair
	whole   map[string]int32 // raw words that are tokens as they stand; nil unless merges are to be ignored for them
	unknown int32            // the token of bytes that have none; none drops them
	fuse    bool             // one unknown token for a run of such bytes
	cache   *wordCache
	scratch sync.Pool // of *workspace
}

// workspace is what merging one word needs.
type workspace struct {
	symbols []symbol
	queue   mergeQueue
}

// symbol is a part of the word, in a list linked by index. A part that was merged into its left neighbour is dead.
type symbol struct {
	id         int32
	prev, next int32
	dead       bool
}

// appendIDs appends the tokens of a word.
func (b *bpe) appendIDs(dst []int32, word string) []int32 {
	if b.whole != nil {
		if id, found := b.whole[word]; found {
			return append(dst, id)
		}
	}
	if len(word) > longestCachedLen {
		return b.merge(dst, word)
	}
	slot := b.cache.slot(word)
	if known := slot.Load(); known != nil && known.word == word {
		return append(dst, known.ids...)
	}
	start := len(dst)
	dst = b.merge(dst, word)
	// The word is a view of the caller's text, which the cache must not keep alive.
	slot.Store(&cachedWord{word: strings.Clone(word), ids: append([]int32(nil), dst[start:]...)})
	return dst
}

// merge applies merges, lowest rank first and among equals leftmost first, until none applies.
func (b *bpe) merge(dst []int32, word string) []int32 {
	w, _ := b.scratch.Get().(*workspace)
	if w == nil {
		w = &workspace{}
	}
	defer b.scratch.Put(w)
	w.symbols = b.appendSymbols(w.symbols[:0], word)
	symbols := w.symbols
	w.queue = w.queue[:0]
	for i := 0; i+1 < len(symbols); i++ {
		if m, found := b.merges[newPair(symbols[i].id, symbols[i+1].id)]; found {
			w.queue = append(w.queue, candidate{m, int32(i)})
		}
	}
	w.queue.order()
	for len(w.queue) > 0 {
		top := w.queue.pop()
		left := &symbols[top.at]
		if left.dead || left.next == none {
			continue
		}
		right := &symbols[left.next]
		// The entry is stale when either side has grown since it was queued.
		if m, found := b.merges[newPair(left.id, right.id)]; !found || m.id != top.id {
			continue
		}
		left.id, left.next, right.dead = top.id, right.next, true
		if left.next != none {
			symbols[left.next].prev = top.at
			if m, found := b.merges[newPair(left.id, symbols[left.next].id)]; found {
				w.queue.push(candidate{m, top.at})
			}
		}
		if left.prev != none {
			if m, found := b.merges[newPair(symbols[left.prev].id, left.id)]; found {
				w.queue.push(candidate{m, left.prev})
			}
		}
	}
	for i := int32(0); i != none && len(symbols) > 0; i = symbols[i].next {
		dst = append(dst, symbols[i].id)
	}
	return dst
}

// appendSymbols begins with one symbol for each byte.
func (b *bpe) appendSymbols(symbols []symbol, word string) []symbol {
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
		n := int32(len(symbols))
		symbols = append(symbols, symbol{id: id, prev: n - 1, next: n + 1})
	}
	if len(symbols) > 0 {
		symbols[len(symbols)-1].next = none
	}
	return symbols
}
