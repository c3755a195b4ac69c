// Package ledger keeps the account of the rows: each row that was read ends in exactly one bucket, and the
// buckets add up to the rows read.
//
// A ledger is JSONL, one entry a row in the order of reading: the row's identity (file, line, digest of its
// bytes), its bucket, and the reason in figures. It never holds text of a row, so it may be stored, compared
// and shown where the data itself may not. Bucket names are stored: they are never renamed, only added.
//
// It refuses an unknown bucket and a balance that does not come out.
//
//	book := ledger.New(file)
//	book.Expect()
//	err := book.Put(ledger.Entry{ID: row.ID, Bucket: ledger.QuestionTooShort, Reason: "8 characters, expected more than 10"})
//	...
//	counts, err := book.Balance()
package ledger
