package clean

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"elara/data/ledger"
	"elara/data/source"
)

// duplicates knows the rows that came by, by a hash of all their columns. Two rows are the same when question
// and answer are equal and the other columns, taken by name, hold the same values; a missing value equals a
// missing value, and a column that a file does not have.
type duplicates struct {
	seen  map[[16]byte]place
	files []string
	hash  hash.Hash
	buf   []byte
}

type place struct{ file, line uint32 }

func newDuplicates() *duplicates {
	return &duplicates{seen: make(map[[16]byte]place), hash: sha256.New()}
}

// first remembers the row and gives nil, or gives the place of the earlier row that this one repeats.
func (d *duplicates) first(row source.Row) *ledger.Place {
	key := d.key(row)
	if earlier, isKnown := d.seen[key]; isKnown {
		return &ledger.Place{File: d.files[earlier.file], Line: int(earlier.line)}
	}
	if n := len(d.files); n == 0 || d.files[n-1] != row.ID.File {
		d.files = append(d.files, row.ID.File)
	}
	d.seen[key] = place{file: uint32(len(d.files) - 1), line: uint32(row.ID.Line)}
	return nil
}

// key is half a SHA-256: with a thousand million rows, two different ones share it with a chance of 1 to 10²⁰.
func (d *duplicates) key(row source.Row) [16]byte {
	d.buf = d.buf[:0]
	d.add(row.Question())
	d.add(row.Answer())
	for _, column := range row.Header.Others() {
		if value := row.Fields[column]; value != "" {
			d.add(row.Header.Names[column])
			d.add(value)
		}
	}
	d.hash.Reset()
	d.hash.Write(d.buf)
	var sum [sha256.Size]byte
	d.hash.Sum(sum[:0])
	return [16]byte(sum[:16])
}

// add appends a value with its length before it, so that no two lists of values look alike.
func (d *duplicates) add(value string) {
	d.buf = binary.AppendUvarint(d.buf, uint64(len(value)))
	d.buf = append(d.buf, value...)
}
