package exec

import (
	"encoding/json"
	"errors"
	"io"

	"elara/data/source"
)

// writeLines creates a JSONL file that appears when write has succeeded, or not at all.
func writeLines(path string, write func(line func(any) error) error) error {
	return writeWhole(path, func(out io.Writer) error {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return write(encoder.Encode)
	})
}

// writeWhole creates a file that appears when write has succeeded, or not at all.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	out, err := source.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	if err := write(out); err != nil {
		return err
	}
	return source.Commit(out)
}
