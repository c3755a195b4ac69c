package ledger

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// Bucket is where a row ended.
type Bucket string

const (
	Kept             Bucket = "kept"
	Duplicate        Bucket = "duplicate"
	MissingQuestion  Bucket = "missing_question"
	MissingAnswer    Bucket = "missing_answer"
	QuestionTooShort Bucket = "question_too_short"
	QuestionTooLong  Bucket = "question_too_long"
	AnswerTooShort   Bucket = "answer_too_short"
	AnswerTooLong    Bucket = "answer_too_long"
	Withdrawn        Bucket = "withdrawn" // its source or itself must not be trained on any more
)

// BadRow is the bucket of rows that could not be read for certain, one for each reason.
func BadRow(reason source.Reason) Bucket { return Bucket("bad_row:" + string(reason)) }

// Buckets lists all of them, in the order of every report.
func Buckets() []Bucket {
	all := []Bucket{
		Kept, Duplicate, MissingQuestion, MissingAnswer,
		QuestionTooShort, QuestionTooLong, AnswerTooShort, AnswerTooLong, Withdrawn,
	}
	for _, reason := range source.Reasons() {
		all = append(all, BadRow(reason))
	}
	return all
}

// Entry is the account of one row.
type Entry struct {
	source.ID
	Bucket Bucket `json:"bucket"`
	Reason string `json:"reason,omitempty"` // figures and expectations; never text of the row
	SameAs *Place `json:"same_as,omitempty"`
}

// Place is where the row stands that a duplicate repeats.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// Counts is how many rows ended where.
type Counts struct {
	RowsRead int64              `json:"rows_read"`
	Buckets  []spec.LedgerCount `json:"buckets"` // all of Buckets, empty ones too; they add up to RowsRead
}

// In is the number of rows in one bucket.
func (c Counts) In(bucket Bucket) int64 {
	for _, count := range c.Buckets {
		if count.Bucket == string(bucket) {
			return count.Rows
		}
	}
	return 0
}

// Book writes a ledger and keeps its sums. It is for one goroutine.
type Book struct {
	lines *json.Encoder
	read  int64
	names []Bucket
	rows  []int64 // as names
}

// New starts a ledger on a writer that is best buffered.
func New(to io.Writer) *Book {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	names := Buckets()
	return &Book{lines: lines, names: names, rows: make([]int64, len(names))}
}

// Expect announces that a row was read, before anything is decided about it.
func (b *Book) Expect() { b.read++ }

// Put enters one row.
func (b *Book) Put(entry Entry) error {
	i := slices.Index(b.names, entry.Bucket)
	if i < 0 {
		return fmt.Errorf("ledger entry for %s:%d: unknown bucket %q", entry.File, entry.Line, entry.Bucket)
	}
	if err := b.lines.Encode(entry); err != nil {
		return fmt.Errorf("write ledger entry for %s:%d: %w", entry.File, entry.Line, err)
	}
	b.rows[i]++
	return nil
}

// Balance gives the account, after checking that as many rows were entered as were read.
func (b *Book) Balance() (Counts, error) {
	counts := Counts{RowsRead: b.read}
	var entered int64
	for i, name := range b.names {
		entered += b.rows[i]
		counts.Buckets = append(counts.Buckets, spec.LedgerCount{Bucket: string(name), Rows: b.rows[i]})
	}
	if entered != b.read {
		return Counts{}, fault.New(fault.Corrupt, "ledger does not balance: %d rows read, %d entered", b.read, entered)
	}
	return counts, nil
}
