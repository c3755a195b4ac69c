//go:build torch

package nn

import "slices"

// Row is one training or evaluation sequence.
type Row struct {
	Tokens []int32
	// Supervised tells for each token whether it is to be predicted; nil: all but the first, which nothing precedes.
	Supervised []bool
}

func (r Row) supervised(at int) bool { return at > 0 && (r.Supervised == nil || r.Supervised[at]) }

// Predictions is how many tokens of the row are predicted.
func (r Row) Predictions() (n int) {
	for at := range r.Tokens {
		if r.supervised(at) {
			n++
		}
	}
	return n
}

// Rows are sequences whose tokens are all supervised.
func Rows(sequences [][]int32) []Row {
	rows := make([]Row, len(sequences))
	for i, s := range sequences {
		rows[i].Tokens = s
	}
	return rows
}

// NewPass lays sequences end to end, each on its own.
func NewPass(sequences [][]int32) *Pass { return Pack(Rows(sequences), 0) }

// Pack lays rows end to end; none may be empty. Where at least least tokens at the beginning of several rows are equal, they
// are laid down once and the rows go on from there: a system prompt, a question with several answers. The tokens that follow
// may share again, so the stream is a radix tree of the rows. A least of 0 shares nothing.
//
// Every row's tokens see exactly what they would see alone, and a prediction that n rows make at once has the weight n:
// losses and gradients are those of separate rows, up to the order of additions. With dropout, what rows share has one mask.
func Pack(rows []Row, least int) *Pass {
	b := builder{rows: rows, least: least, pass: &Pass{Last: make([]int64, len(rows))}}
	b.pass.Offsets = []int64{0}
	if least <= 0 {
		for i := range rows {
			b.segment([]int{i}, 0, len(rows[i].Tokens), -1)
		}
		return b.pass
	}
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	b.branch(all, 0, -1)
	return b.pass
}

type builder struct {
	rows  []Row
	least int
	pass  *Pass
}

// branch lays down what some rows have from position at on; up to there they are equal and end in segment parent.
func (b *builder) branch(rows []int, at int, parent int64) {
	for len(rows) > 0 {
		first := b.rows[rows[0]].Tokens
		if len(first) == at {
			rows = rows[1:] // it ends where the others go on
			continue
		}
		var alike, others []int
		end := len(first)
		for _, r := range rows {
			if n := at + Common(first[at:], b.rows[r].Tokens[at:]); n >= at+b.least {
				alike, end = append(alike, r), min(end, n)
			} else {
				others = append(others, r)
			}
		}
		if len(alike) < 2 {
			b.segment(rows[:1], at, len(first), parent)
			rows = rows[1:]
			continue
		}
		b.branch(alike, end, b.segment(alike, at, end, parent))
		rows = others
	}
}

// Common is how many tokens two sequences begin with alike.
func Common(a, b []int32) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// segment lays down the tokens from begin to end that some rows have in common, and gives the segment's number.
func (b *builder) segment(rows []int, begin, end int, parent int64) int64 {
	p := b.pass
	start := int64(len(p.Tokens))
	for t, id := range b.rows[rows[0]].Tokens[begin:end] {
		at := begin + t
		before := start + int64(t) - 1
		if t == 0 && parent >= 0 {
			before = p.Offsets[parent+1] - 1
		}
		if of := b.supervising(rows, at); len(of) > 0 {
			p.At, p.Targets = append(p.At, before), append(p.Targets, int64(id))
			p.Of, p.Weights = append(p.Of, of), append(p.Weights, float32(len(of)))
		}
		p.Tokens, p.Positions = append(p.Tokens, int64(id)), append(p.Positions, int64(at))
	}
	for _, r := range rows {
		if len(b.rows[r].Tokens) == end {
			p.Last[r] = int64(len(p.Tokens)) - 1
		}
	}
	p.Offsets, p.Parents = append(p.Offsets, int64(len(p.Tokens))), append(p.Parents, parent)
	return int64(len(p.Parents)) - 1
}

// supervising picks the rows that supervise the token at a position.
func (b *builder) supervising(rows []int, at int) []int {
	var of []int
	for _, r := range rows {
		if b.rows[r].supervised(at) {
			of = append(of, r)
		}
	}
	return of
}

// Join lays the streams of several adapters end to end; adapters[i] is the slot of passes[i], whose Key becomes its span's.
func Join(passes []*Pass, adapters []int) *Pass {
	joined := &Pass{}
	joined.Offsets = []int64{0}
	for i, p := range passes {
		rows, segments, packed := int64(len(joined.Tokens)), int64(len(joined.Parents)), len(joined.Last)
		joined.Train = p.Train
		joined.Tokens, joined.Positions = append(joined.Tokens, p.Tokens...), append(joined.Positions, p.Positions...)
		joined.Offsets = append(joined.Offsets, shifted(p.Offsets[1:], rows)...)
		for _, parent := range p.Parents {
			if parent >= 0 {
				parent += segments
			}
			joined.Parents = append(joined.Parents, parent)
		}
		joined.At, joined.Last = append(joined.At, shifted(p.At, rows)...), append(joined.Last, shifted(p.Last, rows)...)
		for _, of := range p.Of {
			joined.Of = append(joined.Of, shifted(of, packed))
		}
		joined.Targets, joined.Weights = append(joined.Targets, p.Targets...), append(joined.Weights, p.Weights...)
		joined.Spans = append(joined.Spans, Span{Adapter: adapters[i], Begin: rows, End: int64(len(joined.Tokens)), Key: p.Key})
	}
	return joined
}

func shifted[N int | int64](list []N, by N) []N {
	out := slices.Clone(list)
	for i := range out {
		out[i] += by
	}
	return out
}
