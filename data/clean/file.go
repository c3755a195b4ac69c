package clean

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// File cleans a CSV file, or the CSV files of a folder or glob if they have the same columns, into one CSV file
// and a ledger. Both appear when all is done, or not at all.
func File(ctx context.Context, in, out, ledgerPath string, columns source.Columns, limits spec.CleanConfig) (counts ledger.Counts, err error) {
	files, err := source.Resolve(in)
	if err != nil {
		return ledger.Counts{}, err
	}
	if err := checkOutputs(files, out, ledgerPath); err != nil {
		return ledger.Counts{}, err
	}
	cleaned, err := source.Create(out)
	if err != nil {
		return ledger.Counts{}, err
	}
	defer func() { err = errors.Join(err, cleaned.Discard()) }()
	account, err := source.Create(ledgerPath)
	if err != nil {
		return ledger.Counts{}, err
	}
	defer func() { err = errors.Join(err, account.Discard()) }()

	set := source.Set{Files: files, Columns: columns}
	if counts, err = write(ctx, set, limits, cleaned, account); err != nil {
		return ledger.Counts{}, err
	}
	return counts, source.Commit(cleaned, account)
}

// write cleans rows under one header into CSV and ledger, and balances the ledger.
func write(ctx context.Context, set source.Set, limits spec.CleanConfig, cleaned, account io.Writer) (ledger.Counts, error) {
	var header *source.Header
	var to *source.RowWriter
	// The header goes out with the first row that comes in, so that it is there when no row is kept.
	rows := func(yield func(source.Row, error) bool) {
		for row, err := range set.Rows(ctx) {
			switch {
			case err != nil:
			case header == nil:
				header = row.Header
				to, err = source.NewRowWriter(cleaned, header)
			case header != row.Header:
				err = checkHeader(set, header, row)
			}
			if !yield(row, err) {
				return
			}
		}
	}
	book := ledger.New(account)
	for row, err := range Rows(rows, limits, book) {
		if err != nil {
			return ledger.Counts{}, err
		}
		if err := to.Write(row); err != nil {
			return ledger.Counts{}, err
		}
	}
	return book.Balance()
}

// checkHeader refuses a later file with other columns than the first: one CSV file cannot hold both.
func checkHeader(set source.Set, first *source.Header, row source.Row) error {
	if slices.Equal(first.Names, row.Header.Names) {
		return nil
	}
	path := row.ID.File
	for _, file := range set.Files {
		if file.Name == row.ID.File {
			path = file.Path
		}
	}
	return fault.At(path, 1, "columns differ from those of %s; expected the same columns in the same order", set.Files[0].Path)
}

// checkOutputs refuses to write over the input, or two results to one file.
func checkOutputs(inputs []source.File, out, ledgerPath string) error {
	if isSame(out, ledgerPath) {
		return fault.At(out, 0, "is both the output and the ledger; expected two files")
	}
	for _, path := range []string{out, ledgerPath} {
		for _, input := range inputs {
			if isSame(input.Path, path) {
				return fault.At(path, 0, "is an input too; expected another file to write to")
			}
		}
	}
	return nil
}

func isSame(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
