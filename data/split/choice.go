package split

import (
	"cmp"
	"container/heap"
	"iter"
	"regexp"
	"slices"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// Choice is which rows one adapter gets.
type Choice struct {
	audience spec.Audience
	match    []*regexp.Regexp // one of them matches question or answer; empty: any row
	maxRows  int              // 0: all
	seed     int64
}

// Compile makes a choice from an adapter's part of the pipeline. The seed picks the rows when there are more
// than maxRows.
func Compile(audience spec.Audience, match []string, maxRows int, seed int64) (Choice, error) {
	if err := audience.Check(); err != nil {
		return Choice{}, err
	}
	if maxRows < 0 {
		return Choice{}, fault.New(fault.Invalid, "max_rows %d: expected 0 for all rows, or more", maxRows)
	}
	choice := Choice{audience: audience, maxRows: maxRows, seed: seed}
	for i, pattern := range match {
		expression, err := regexp.Compile(pattern)
		if err != nil {
			return Choice{}, fault.New(fault.Invalid, "match[%d]: expected a regular expression: %w", i, err)
		}
		choice.match = append(choice.match, expression)
	}
	return choice, nil
}

// Takes reports whether a row is for the adapter, before maxRows is looked at.
func (c Choice) Takes(row source.Row) bool {
	if !row.IsFor(c.audience) {
		return false
	}
	return len(c.match) == 0 || slices.ContainsFunc(c.match, func(e *regexp.Regexp) bool {
		return e.MatchString(row.Question()) || e.MatchString(row.Answer())
	})
}

// Rows hands on the adapter's rows in their order. With maxRows it picks that many by a hash of the row, evenly
// over all files, and holds them in memory; a row more or less in the data changes at most one of them. After an
// error, which comes with a zero row, it ends.
func (c Choice) Rows(rows iter.Seq2[source.Row, error]) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		var picked lowest
		seen := 0
		for row, err := range rows {
			switch {
			case err != nil:
				yield(source.Row{}, err)
				return
			case !c.Takes(row):
			case c.maxRows == 0:
				if !yield(row, nil) {
					return
				}
			default:
				key := row.Question() + "\x00" + row.Answer()
				picked.offer(candidate{row: row, position: position("sample", c.seed, key), order: seen}, c.maxRows)
				seen++
			}
		}
		slices.SortFunc(picked, func(a, b candidate) int { return cmp.Compare(a.order, b.order) })
		for _, candidate := range picked {
			if !yield(candidate.row, nil) {
				return
			}
		}
	}
}

// candidate is a row with its place in the draw.
type candidate struct {
	row      source.Row
	position float64
	order    int // of arrival; decides between equal positions, which equal rows have
}

func (c candidate) isBefore(other candidate) bool {
	return c.position < other.position || c.position == other.position && c.order < other.order
}

// lowest is a heap of the candidates that come first in the draw, the last of them on top.
type lowest []candidate

func (l *lowest) offer(c candidate, most int) {
	switch {
	case len(*l) < most:
		heap.Push(l, c)
	case c.isBefore((*l)[0]):
		(*l)[0] = c
		heap.Fix(l, 0)
	}
}

func (l lowest) Len() int           { return len(l) }
func (l lowest) Less(i, j int) bool { return l[j].isBefore(l[i]) }
func (l lowest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push and Pop are for container/heap alone.
func (l *lowest) Push(c any) { *l = append(*l, c.(candidate)) }

// Pop removes the last element.
func (l *lowest) Pop() any {
	last := len(*l) - 1
	c := (*l)[last]
	*l = (*l)[:last]
	return c
}
