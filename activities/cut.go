package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// cutFile is a file of an adapter artifact: the account of the rows of its data set that max_length cut to nothing it could
// learn from. It is there when there are such rows. The cleaned rows' ledger keeps them, as other adapters may use them.
const cutFile = "cut.jsonl"

// cutBucket is where they end for this adapter.
const cutBucket ledger.Bucket = "cut"

// Cut notes a row that the training leaves out, by its line in the training file.
func (o *observer) Cut(line int64) { o.cut = append(o.cut, line) }

// namesAllCut refuses an engine that left out more rows, or fewer, than it named.
func namesAllCut(lines []int64, dropped int64, what string) error {
	if int64(len(lines)) != dropped {
		return fmt.Errorf("the engine left out %d %s and named %d lines", dropped, what, len(lines))
	}
	return nil
}

// accountForCut writes the account of the rows that were cut into the folder of the adapter. lines are theirs in the
// training file of the data set, dropped is how many the engine says there were; none are written when it names none.
func accountForCut(dataset, folder string, lines []int64, dropped int64, maxLength int) (err error) {
	if len(lines) == 0 {
		return nil
	}
	if err := namesAllCut(lines, dropped, "rows"); err != nil {
		return err
	}
	if !slices.IsSorted(lines) {
		return fmt.Errorf("the engine named %d lines out of order: %v", len(lines), lines[:min(len(lines), 5)])
	}
	used, err := os.Open(filepath.Join(dataset, rowsFile))
	if err != nil {
		return onDisk(err)
	}
	defer func() { err = errors.Join(err, onDisk(used.Close())) }()
	account, err := createFile(filepath.Join(folder, cutFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, account.Close()) }()
	entries := json.NewEncoder(account)
	reason := fmt.Sprintf("no token to learn from is left within max_length %d", maxLength)

	at := int64(0) // line in the training file
	for rows := json.NewDecoder(used); len(lines) > 0; {
		var row spec.UsedRow
		if err := rows.Decode(&row); errors.Is(err, io.EOF) {
			return fmt.Errorf("the engine names line %d of the training file, which has %d", lines[0], at)
		} else if err != nil {
			return fault.New(fault.Corrupt, "%s of the data set: %w", rowsFile, err)
		}
		if row.In != trainFile {
			continue
		}
		if at++; at != lines[0] {
			continue
		}
		lines = lines[1:]
		if err := entries.Encode(ledger.Entry{ID: source.ID{File: row.File, Line: row.Line, Digest: row.Digest}, Bucket: cutBucket, Reason: reason}); err != nil {
			return onDisk(err)
		}
	}
	return nil
}
