package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

func entry(line int, bucket ledger.Bucket) ledger.Entry {
	return ledger.Entry{ID: source.ID{File: "a<b>.csv", Line: line, Digest: "d1"}, Bucket: bucket}
}

func TestLedgerHasALineARowAndBucketsInAFixedOrder(t *testing.T) {
	var out strings.Builder
	book := ledger.New(&out)
	entries := []ledger.Entry{entry(2, ledger.Kept), entry(3, ledger.BadRow(source.InvalidUTF8)), entry(5, ledger.Duplicate), entry(6, ledger.Kept)}
	entries[1].Reason = "not UTF-8 at byte 7 of the row"
	entries[2].SameAs = &ledger.Place{File: "a<b>.csv", Line: 2}
	for _, e := range entries {
		book.Expect()
		require.NoError(t, book.Put(e))
	}
	require.Equal(t, `{"file":"a<b>.csv","line":2,"digest":"d1","bucket":"kept"}
{"file":"a<b>.csv","line":3,"digest":"d1","bucket":"bad_row:invalid_utf8","reason":"not UTF-8 at byte 7 of the row"}
{"file":"a<b>.csv","line":5,"digest":"d1","bucket":"duplicate","same_as":{"file":"a<b>.csv","line":2}}
{"file":"a<b>.csv","line":6,"digest":"d1","bucket":"kept"}
`, out.String())

	counts, err := book.Balance()
	require.NoError(t, err)
	require.Equal(t, ledger.Counts{RowsRead: 4, Buckets: []spec.LedgerCount{
		{Bucket: "kept", Rows: 2}, {Bucket: "duplicate", Rows: 1}, {Bucket: "missing_question"}, {Bucket: "missing_answer"},
		{Bucket: "question_too_short"}, {Bucket: "question_too_long"}, {Bucket: "answer_too_short"}, {Bucket: "answer_too_long"}, {Bucket: "withdrawn"},
		{Bucket: "bad_row:too_few_fields"}, {Bucket: "bad_row:too_many_fields"}, {Bucket: "bad_row:bare_quote"},
		{Bucket: "bad_row:invalid_utf8", Rows: 1}, {Bucket: "bad_row:unknown_audience"},
	}}, counts)
	require.Equal(t, int64(2), counts.In(ledger.Kept))
	require.Zero(t, counts.In(ledger.MissingAnswer))
}

func TestLedgerThatDoesNotBalanceIsAnError(t *testing.T) {
	for name, fill := range map[string]func(*ledger.Book) error{
		"a row that nobody entered": func(b *ledger.Book) error { b.Expect(); b.Expect(); return b.Put(entry(2, ledger.Kept)) },
		"a row entered twice": func(b *ledger.Book) error {
			b.Expect()
			return errors.Join(b.Put(entry(2, ledger.Kept)), b.Put(entry(2, ledger.Duplicate)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			book := ledger.New(&strings.Builder{})
			require.NoError(t, fill(book))
			_, err := book.Balance()
			require.ErrorContains(t, err, "ledger does not balance")
			require.True(t, fault.Is(err, fault.Corrupt))
		})
	}
}

func TestEntryThatCannotBeWrittenIsNotCounted(t *testing.T) {
	full := errors.New("disk full")
	book := ledger.New(failing{full})
	book.Expect()
	require.ErrorIs(t, book.Put(entry(2, ledger.Kept)), full)
	_, err := book.Balance()
	require.ErrorContains(t, err, "1 rows read, 0 entered")
}

func TestUnknownBucketIsRefused(t *testing.T) {
	require.EqualError(t, ledger.New(&strings.Builder{}).Put(entry(2, "lost")), `ledger entry for a<b>.csv:2: unknown bucket "lost"`)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
