package clean

import (
	"iter"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
)

// Rows cleans a stream of rows and hands on those that are kept, with their cleaned texts; each row that it
// reads is entered in the book once. Duplicates are found over the whole stream, whatever files it comes from.
// After an error, which comes with a zero row, it ends. The caller balances the book.
func Rows(rows iter.Seq2[source.Row, error], limits spec.CleanConfig, book *ledger.Book) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		if err := check(limits); err != nil {
			yield(source.Row{}, err)
			return
		}
		known := newDuplicates()
		for row, err := range rows {
			if err != nil {
				yield(source.Row{}, err)
				return
			}
			book.Expect()
			row, entry := judge(row, limits, known)
			if err := book.Put(entry); err != nil {
				yield(source.Row{}, err)
				return
			}
			if entry.Bucket == ledger.Kept && !yield(row, nil) {
				return
			}
		}
	}
}

// judge cleans one row and finds its bucket, in the guide's order: clean, drop duplicates, filter by length.
func judge(row source.Row, limits spec.CleanConfig, known *duplicates) (source.Row, ledger.Entry) {
	entry := ledger.Entry{ID: row.ID}
	switch {
	case row.Bad != nil:
		entry.Bucket, entry.Reason = ledger.BadRow(row.Bad.Reason), row.Bad.Detail
		return row, entry
	case row.Question() == "":
		entry.Bucket = ledger.MissingQuestion
		return row, entry
	case row.Answer() == "":
		entry.Bucket = ledger.MissingAnswer
		return row, entry
	}
	row = row.With(Text(row.Question()), Text(row.Answer()))
	if entry.SameAs = known.first(row); entry.SameAs != nil {
		entry.Bucket = ledger.Duplicate
		return row, entry
	}
	entry.Bucket, entry.Reason = measure(row.Question(), row.Answer(), limits)
	return row, entry
}
