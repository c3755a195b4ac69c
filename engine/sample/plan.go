//go:build torch

package sample

import (
	"slices"

	"elara/engine/nn"
)

// part is what a step computes of a sequence: the tokens of its text from begin to end.
type part struct {
	*Sequence
	begin, end int
	whole      bool // nothing of the text is left: the next token follows
}

// plan takes the tokens of the next step, with rows of the cache for them: the last token of each running text, as much of the
// prompts as a pass holds, and of those that wait as many as fit.
func (b *Batch) plan() (parts []part) {
	left := passTokens
	take := func(s *Sequence) {
		n := len(s.text) - len(s.rows)
		if n > 1 {
			n = min(n, left)
			left -= n
		}
		if n == 0 {
			return
		}
		b.reserve(n)
		begin := len(s.rows)
		s.rows = append(s.rows, b.room.take(n)...)
		parts = append(parts, part{s, begin, begin + n, begin+n == len(s.text)})
	}
	for _, s := range b.live {
		take(s)
	}
	for left > 0 && len(b.waiting) > 0 && b.admit(b.waiting[0]) {
		s := b.waiting[0]
		b.waiting, b.live = b.waiting[1:], append(b.live, s)
		take(s)
	}
	return parts
}

// admit gives a waiting sequence the rows of the longest beginning that is in the cache already, and reports whether there is
// room for the rest. What is kept of ended texts makes way for it, where that helps.
func (b *Batch) admit(s *Sequence) bool {
	if b.limits.Rows > 0 && len(b.live) >= b.limits.Rows {
		return false
	}
	s.rows = slices.Clone(b.beginning(s))
	b.room.share(s.rows)
	if b.limits.Tokens == 0 {
		return true
	}
	need := s.left()
	for _, other := range b.live {
		need += other.left()
	}
	if b.room.used()+need > b.limits.Tokens && b.needed(s)+need > b.limits.Tokens {
		b.room.drop(s.rows)
		s.rows = nil
		return false
	}
	for b.room.used()+need > b.limits.Tokens {
		b.room.drop(b.kept[0].rows)
		b.kept = b.kept[1:]
	}
	return true
}

// needed is how many rows would be taken if nothing were kept: those of the running texts and of one more.
func (b *Batch) needed(s *Sequence) (n int) {
	seen := make([]bool, len(b.room.users))
	for _, text := range append(b.live[:len(b.live):len(b.live)], s) {
		for _, row := range text.rows {
			if !seen[row] {
				seen[row] = true
				n++
			}
		}
	}
	return n
}

// beginning gives the rows of the longest beginning of a text that another text of its adapter has. The last token is not among
// them: what follows it has to be computed.
func (b *Batch) beginning(s *Sequence) (rows []int32) {
	for _, list := range [][]*Sequence{b.live, b.kept} {
		for _, other := range list {
			if other.Adapter != s.Adapter {
				continue
			}
			if n := nn.Common(s.text[:len(s.text)-1], other.text[:len(other.rows)]); n > len(rows) {
				rows = other.rows[:n]
			}
		}
	}
	return rows
}

// reserve makes n rows free, by growing the cache.
func (b *Batch) reserve(n int) {
	need := b.room.used() + n
	if need <= len(b.room.users) {
		return
	}
	rows := max(need, 2*len(b.room.users), 256)
	if b.limits.Tokens > 0 {
		rows = min(rows, b.limits.Tokens)
	}
	b.cache.Grow(int64(rows))
	b.room.grow(rows)
}

// passes groups parts by adapter. All go through the model in one pass, except where an adapter trains weights of the base.
func (b *Batch) passes(parts []part) [][]part {
	sorted := slices.Clone(parts)
	slices.SortStableFunc(sorted, func(p, q part) int { return p.Adapter - q.Adapter })
	if !slices.ContainsFunc(sorted, func(p part) bool { return b.model.Private().Has(p.Adapter) }) {
		return [][]part{sorted}
	}
	var groups [][]part
	for i, p := range sorted {
		if i == 0 || p.Adapter != sorted[i-1].Adapter {
			groups = append(groups, nil)
		}
		last := &groups[len(groups)-1]
		*last = append(*last, p)
	}
	return groups
}

// lay makes the pass of some parts, and gives the rows of it that a next token follows.
func (b *Batch) lay(parts []part) (p *nn.Pass, last []int64) {
	p = &nn.Pass{Adapter: nn.NoAdapter, Cache: b.cache}
	sight := &b.cache.Sight
	sight.Row, sight.Begin, sight.Length, sight.Rows = sight.Row[:0], sight.Begin[:0], sight.Length[:0], sight.Rows[:0]
	for _, part := range parts {
		if n := len(p.Spans); n == 0 || p.Spans[n-1].Adapter != part.Adapter {
			p.Spans = append(p.Spans, nn.Span{Adapter: part.Adapter, Begin: int64(len(p.Tokens))})
		}
		begin := int64(len(sight.Rows))
		sight.Rows = append(sight.Rows, part.rows...)
		for at := part.begin; at < part.end; at++ {
			p.Tokens, p.Positions = append(p.Tokens, int64(part.text[at])), append(p.Positions, int64(at))
			sight.Row = append(sight.Row, int64(part.rows[at]))
			sight.Begin, sight.Length = append(sight.Begin, begin), append(sight.Length, int64(at)+1)
		}
		p.Spans[len(p.Spans)-1].End = int64(len(p.Tokens))
		if part.whole {
			last = append(last, int64(len(p.Tokens))-1)
		}
	}
	return p, last
}
