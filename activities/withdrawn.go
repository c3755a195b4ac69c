package activities

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/storage/artifact"
)

// withdrawal keeps rows that were withdrawn out of a cleaning, each with its entry in the ledger.
type withdrawal struct {
	tombstones []artifact.Tombstone
	bySource   map[string]int      // the first tombstone of a source, as spec.RowSelector names it
	byRow      map[spec.Digest]int // likewise of a row
	reached    map[int]bool        // tombstones that a row fell under
}

func withdrawalOf(tombstones []artifact.Tombstone) *withdrawal {
	w := &withdrawal{tombstones: tombstones, bySource: make(map[string]int), byRow: make(map[spec.Digest]int), reached: make(map[int]bool)}
	for i, t := range slices.Backward(tombstones) {
		if t.Row != "" {
			w.byRow[t.Row] = i
		} else {
			w.bySource[t.Source] = i
		}
	}
	return w
}

func selectorsOf(tombstones []artifact.Tombstone) []spec.RowSelector {
	var selectors []spec.RowSelector
	for _, t := range tombstones {
		selectors = append(selectors, t.Selector())
	}
	return selectors
}

// without hands on the rows that nobody has withdrawn.
func (w *withdrawal) without(rows iter.Seq2[source.Row, error], book *ledger.Book) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		for row, err := range rows {
			if err == nil {
				if i := w.find(row.ID); i >= 0 {
					w.reached[i] = true
					book.Expect()
					err = book.Put(ledger.Entry{ID: row.ID, Bucket: ledger.Withdrawn, Reason: fmt.Sprintf("tombstone %s", w.tombstones[i].Ref.Digest.Short())})
					if err == nil {
						continue
					}
					row = source.Row{}
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// find gives the first tombstone that a row falls under; -1: none.
func (w *withdrawal) find(row source.ID) int {
	first := -1
	take := func(i int, found bool) {
		if found && (first < 0 || i < first) {
			first = i
		}
	}
	_, below, _ := strings.Cut(row.File, "/")
	i, found := w.byRow[row.Digest]
	take(i, found)
	for _, name := range []string{row.File, below} {
		i, found = w.bySource[name]
		take(i, found)
	}
	return first
}

// inputs gives the tombstones that kept a row out: what was cleaned is made by them, too.
func (w *withdrawal) inputs() []spec.Digest {
	var digests []spec.Digest
	for i, t := range w.tombstones {
		if w.reached[i] {
			digests = append(digests, t.Ref.Digest)
		}
	}
	return digests
}
