package activities

import (
	"fmt"
	"iter"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/storage/artifact"
)

// withdrawal keeps rows that were withdrawn out of a cleaning, each with its entry in the ledger.
type withdrawal struct {
	tombstones []artifact.Tombstone
	reached    map[int]bool // tombstones that a row fell under
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

func (w *withdrawal) find(row source.ID) int {
	for i, t := range w.tombstones {
		if t.Selector().Selects(row.File, row.Line, row.Digest) {
			return i
		}
	}
	return -1
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
