package tokenizer

// candidate is a merge that may be made at a place in the word.
type candidate struct {
	merge
	at int32 // index of its left symbol
}

func (c candidate) before(d candidate) bool {
	if c.rank != d.rank {
		return c.rank < d.rank
	}
	return c.at < d.at
}

// mergeQueue is a binary heap with the next merge to make at its root. container/heap would cost an interface value
// for each entry, which shows: this is the inner loop.
type mergeQueue []candidate

// order makes a heap of entries appended in any order.
func (q mergeQueue) order() {
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q *mergeQueue) push(c candidate) {
	*q = append(*q, c)
	entries := *q
	i := len(entries) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !entries[i].before(entries[parent]) {
			break
		}
		entries[i], entries[parent] = entries[parent], entries[i]
		i = parent
	}
}

func (q *mergeQueue) pop() candidate {
	entries := *q
	top := entries[0]
	last := len(entries) - 1
	entries[0] = entries[last]
	*q = entries[:last]
	q.down(0)
	return top
}

func (q mergeQueue) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if right := child + 1; right < len(q) && q[right].before(q[child]) {
			child = right
		}
		if !q[child].before(q[i]) {
			return
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}
