package tokenizer

import "slices"

// longWord is what merging a word too long for scanning needs: a part for each byte, and the queue.
type longWord struct {
	ids   []int32 // of the bytes
	parts []part
	queue mergeQueue

	fetched int32 // of no meaning: it keeps the reads ahead from being left out
}

// part is the token that begins at a place, or none. Its span, the number of places from its first to its last, stands
// at both, so its neighbours on either side are a step away.
type part struct{ id, span int32 }

// mergeByQueue does what mergeByScanning does in time that grows with the length and not with its square.
func (b *bpe) mergeByQueue(dst []int32, word string) []int32 {
	l, _ := b.longWords.Get().(*longWord)
	if l == nil {
		l = &longWord{}
	}
	l.begin(b, word)
	for {
		// The places of one rank are far apart in a long word. Read one after the other, each would have to come from
		// afar before the next is asked for; these reads wait for nothing and so run side by side.
		for _, at := range l.queue.coming() {
			l.fetched += l.parts[at].span
		}
		at, c, found := l.queue.pop()
		if !found {
			break
		}
		left := &l.parts[at]
		next := at + left.span
		if left.id != c.left || int(next) == len(l.parts) || l.parts[next].id != c.right {
			continue // either side has grown since
		}
		span := left.span + l.parts[next].span
		l.parts[next].id, left.id, left.span = none, c.joined, span
		l.parts[at+span-1].span = span
		if at > 0 {
			l.offer(b, at-l.parts[at-1].span)
		}
		l.offer(b, at)
	}
	for i := 0; i < len(l.parts); i += int(l.parts[i].span) {
		dst = append(dst, l.parts[i].id)
	}
	b.longWords.Put(l)
	return dst
}

// begin makes a part of each byte and queues what may be merged.
func (l *longWord) begin(b *bpe, word string) {
	l.ids = b.appendBytes(l.ids[:0], word)
	l.parts = slices.Grow(l.parts[:0], len(l.ids))[:len(l.ids)]
	for i, id := range l.ids {
		l.parts[i] = part{id, 1}
	}
	l.queue.begin(b.merges)
	for i := range l.parts {
		l.offer(b, int32(i))
	}
}

// offer queues the merge of the token at a place with the next, if there is one.
func (l *longWord) offer(b *bpe, at int32) {
	left := l.parts[at]
	next := int(at + left.span)
	if next == len(l.parts) {
		return
	}
	right := l.parts[next].id
	if m, found := b.ranks.find(left.id, right); found {
		l.queue.push(at, m.rank, candidate{left.id, right, m.id})
	}
}
