package exec

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"

	"elara/data/source"
)

// writeLines creates a JSONL file that appears when write has succeeded, or not at all.
func writeLines(path string, write func(line func(any) error) error) (err error) {
	out, err := source.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	if err := write(encoder.Encode); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return source.Commit(out)
}
