package tokenizer

import "math/bits"

const none = -1

// pair is two neighbouring tokens, the left one in the high half.
type pair uint64

func newPair(left, right int32) pair { return pair(uint64(uint32(left))<<32 | uint64(uint32(right))) }

// noPair is no pair of tokens: ids are not negative.
const noPair = ^pair(0)

// merge says what a pair becomes, and how early: lower ranks first.
type merge struct{ rank, id int32 }

// rankTable finds the merge of a pair. Merging asks for a pair about three times per byte, so this is a flat table with
// open addressing, at most half full: a question is one multiplication and, nearly always, one line of the cache. A Go
// map takes four times as long.
type rankTable struct {
	slots []rankSlot // a power of two of them
	shift int        // leaves the bits of the hash that number a slot
}

type rankSlot struct {
	pair  pair
	merge merge
}

func newRankTable(merges int) rankTable {
	size := bits.Len(uint(2*merges + 1))
	t := rankTable{slots: make([]rankSlot, 1<<size), shift: 64 - size}
	for i := range t.slots {
		t.slots[i].pair = noPair
	}
	return t
}

// slot is the one that holds p, or the empty one where it belongs.
func (t *rankTable) slot(p pair) *rankSlot {
	at := uint64(p) * 0x9e3779b97f4a7c15 >> t.shift // 2^64 over the golden ratio: neighbours end far apart
	for {
		s := &t.slots[at&uint64(len(t.slots)-1)]
		if s.pair == p || s.pair == noPair {
			return s
		}
		at++
	}
}

// set enters a merge; the one entered last for a pair counts.
func (t *rankTable) set(p pair, m merge) { *t.slot(p) = rankSlot{p, m} }

// find gives the merge of two tokens; false when they stay apart.
func (t *rankTable) find(left, right int32) (merge, bool) {
	s := t.slot(newPair(left, right))
	return s.merge, s.pair != noPair
}
