package sample

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// Names of the files that Write makes.
const (
	QAFile         = "qa.csv"
	DialoguesFile  = "dialogues.csv"
	GuidelinesFile = "guidelines.txt"
	TextbookFile   = "textbook.txt"
	DefectsFile    = "defects.json"
)

// Options say what is rendered. The zero value is useful: all conditions, with seed 0.
type Options struct {
	Seed       uint64 // another seed gives other wordings and other rows with defects
	Conditions int    // how many, spread evenly over the table; 0: all
}

// File is one file that was written.
type File struct {
	Name   string      `json:"name"`
	Path   string      `json:"path"`
	Size   int64       `json:"size"`
	Digest spec.Digest `json:"digest"`
}

// Summary is what was written.
type Summary struct {
	Files      []File `json:"files"` // in a fixed order
	Conditions int    `json:"conditions"`
	Rows       int    `json:"rows"`      // under the header of qa.csv, those with defects too
	Kept       int    `json:"kept"`      // of these, those that the guide's cleaning keeps
	Dialogues  int    `json:"dialogues"` // in dialogues.csv
	Ledger     Ledger `json:"ledger"`
}

// Write renders the sample data into a folder, which it makes when there is none. The files appear whole, and
// only when all of them are written; files of an earlier call are replaced. The same options give the same bytes.
func Write(dir string, opts Options) (Summary, error) {
	texts, summary, err := render(opts)
	if err != nil {
		return Summary{}, err
	}
	if err := makeFolder(dir); err != nil {
		return Summary{}, err
	}
	if err := writeAll(dir, texts); err != nil {
		return Summary{}, err
	}
	for _, t := range texts {
		path := filepath.Join(dir, t.name)
		summary.Files = append(summary.Files, File{t.name, path, int64(len(t.text)), spec.DigestOf(sha256.Sum256(t.text))})
	}
	return summary, nil
}

// writeAll makes the files appear when all of them are on the disk.
func writeAll(dir string, texts []namedText) (err error) {
	var outputs []*source.Output
	defer func() {
		for _, output := range outputs {
			err = errors.Join(err, output.Discard())
		}
	}()
	for _, t := range texts {
		path := filepath.Join(dir, t.name)
		output, err := source.Create(path)
		if err != nil {
			return err
		}
		outputs = append(outputs, output)
		if _, err := output.Write(t.text); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return source.Commit(outputs...)
}

// namedText is a file before it is written.
type namedText struct {
	name string
	text []byte
}

// render makes all texts in memory, a few megabytes.
func render(opts Options) ([]namedText, Summary, error) {
	all, err := Facts()
	if err != nil {
		return nil, Summary{}, err
	}
	conditions, err := spread(all, opts.Conditions)
	if err != nil {
		return nil, Summary{}, err
	}
	rows, err := questionRows(conditions, opts.Seed)
	if err != nil {
		return nil, Summary{}, err
	}
	records, err := plant(rows, opts.Seed)
	if err != nil {
		return nil, Summary{}, err
	}
	qa, ledger, err := writeQA(records, opts.Seed)
	if err != nil {
		return nil, Summary{}, err
	}
	talks, err := dialogueRows(conditions, opts.Seed)
	if err != nil {
		return nil, Summary{}, err
	}
	dialogues, err := writeDialogues(talks)
	if err != nil {
		return nil, Summary{}, err
	}
	guidelines, err := guidelineText(conditions, opts.Seed)
	if err != nil {
		return nil, Summary{}, err
	}
	textbook, err := textbookText(conditions, opts.Seed)
	if err != nil {
		return nil, Summary{}, err
	}
	var ledgerText bytes.Buffer
	encoder := json.NewEncoder(&ledgerText)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(ledger); err != nil {
		return nil, Summary{}, fmt.Errorf("encode %s: %w", DefectsFile, err)
	}
	texts := []namedText{
		{QAFile, qa},
		{DialoguesFile, dialogues},
		{GuidelinesFile, guidelines},
		{TextbookFile, textbook},
		{DefectsFile, ledgerText.Bytes()},
	}
	return texts, Summary{Conditions: len(conditions), Rows: ledger.Records, Kept: ledger.Buckets[kept], Dialogues: len(talks), Ledger: ledger}, nil
}

// makeFolder makes the folder, or says in one line why the user's name for it does not do.
func makeFolder(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return fault.At(dir, 0, "%w; expected a folder that can be made and written to", pathErr.Err)
	}
	return err
}
