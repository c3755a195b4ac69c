package tokenizer

import "slices"

// mergeQueue gives the places where merges may be made, by rank and among equals from the left. Places of one rank
// nearly always come in order, so each rank has a list of its own, and taking the next costs a step instead of the
// depth of a heap with every place of the word.
type mergeQueue struct {
	ranks  minHeap  // that have places
	listOf []int32  // by rank: one more than the index of its list, 0 before it has one
	lists  []places // in order of first use; those beyond the word's wait for reuse
}

// candidate is what a merge joins and what it makes.
type candidate struct{ left, right, joined int32 }

// places is where one merge may be made. Until the first is taken they may come in any order and are sorted then; one
// that comes too late for its place makes a heap of the rest, which a list in ascending order is already.
type places struct {
	candidate
	rank       int32
	at         minHeap
	next       int // index of the first that is left, unless a heap
	isUnsorted bool
	isHeap     bool
}

// begin empties the queue, for ranks below the limit.
func (q *mergeQueue) begin(limit int) {
	if len(q.listOf) < limit {
		q.listOf = make([]int32, limit)
	}
	for i := range q.lists {
		q.listOf[q.lists[i].rank] = 0
	}
	q.lists, q.ranks = q.lists[:0], q.ranks[:0]
}

func (q *mergeQueue) push(at, rank int32, c candidate) {
	if q.listOf[rank] == 0 {
		q.open(rank, c)
	}
	list := &q.lists[q.listOf[rank]-1]
	if list.empty() {
		list.at, list.next, list.isUnsorted, list.isHeap = list.at[:0], 0, false, false
		q.ranks.push(rank)
	}
	list.push(at)
}

// open gives a rank its list.
func (q *mergeQueue) open(rank int32, c candidate) {
	n := len(q.lists)
	if n < cap(q.lists) {
		q.lists = q.lists[:n+1] // with the memory of an earlier word
	} else {
		q.lists = append(q.lists, places{})
	}
	list := &q.lists[n]
	list.candidate, list.rank, list.at, list.next = c, rank, list.at[:0], 0
	q.listOf[rank] = int32(n) + 1
}

// pop takes the next place and what may be merged there; false when there is none.
func (q *mergeQueue) pop() (int32, candidate, bool) {
	if len(q.ranks) == 0 {
		return 0, candidate{}, false
	}
	list := &q.lists[q.listOf[q.ranks[0]]-1]
	at := list.pop()
	if list.empty() {
		q.ranks.pop()
	}
	return at, list.candidate, true
}

// fetchAhead is how many places of a list are fetched into the processor's cache together.
const fetchAhead = 16

// coming gives the next places of the first rank whenever fetchAhead of them have been taken, otherwise nothing.
func (q *mergeQueue) coming() []int32 {
	if len(q.ranks) == 0 {
		return nil
	}
	list := &q.lists[q.listOf[q.ranks[0]]-1]
	if list.isHeap || list.next%fetchAhead != 0 {
		return nil
	}
	list.order()
	return list.at[list.next:min(list.next+fetchAhead, len(list.at))]
}

func (p *places) empty() bool { return p.next == len(p.at) }

func (p *places) push(at int32) {
	isLate := len(p.at) > 0 && at < p.at[len(p.at)-1]
	switch {
	case p.isHeap:
		p.at.push(at)
	case isLate && p.next > 0:
		p.at = p.at[:copy(p.at, p.at[p.next:])]
		p.next, p.isHeap = 0, true
		p.at.push(at)
	default:
		p.isUnsorted = p.isUnsorted || isLate
		p.at.add(at)
	}
}

func (p *places) pop() int32 {
	if p.isHeap {
		return p.at.pop()
	}
	p.order()
	p.next++
	return p.at[p.next-1]
}

func (p *places) order() {
	if p.isUnsorted {
		slices.Sort(p.at)
		p.isUnsorted = false
	}
}

// minHeap is a binary heap with the least number at its root. container/heap would cost an interface value for each
// entry, which shows.
type minHeap []int32

// add appends without ordering. It doubles the memory, for append adds a quarter only and so copies four times as much.
func (h *minHeap) add(v int32) {
	if len(*h) == cap(*h) {
		*h = slices.Grow(*h, max(16, len(*h)))
	}
	*h = append(*h, v)
}

func (h *minHeap) push(v int32) {
	h.add(v)
	entries := *h
	i := len(entries) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if entries[parent] <= v {
			break
		}
		entries[i] = entries[parent]
		i = parent
	}
	entries[i] = v
}

func (h *minHeap) pop() int32 {
	entries := *h
	top, last := entries[0], len(entries)-1
	v := entries[last]
	entries = entries[:last]
	*h = entries
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if right := child + 1; right < last && entries[right] < entries[child] {
			child = right
		}
		if v <= entries[child] {
			break
		}
		entries[i] = entries[child]
		i = child
	}
	if last > 0 {
		entries[i] = v
	}
	return top
}
