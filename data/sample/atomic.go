package sample

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// writeWhole makes the file appear with all of the text, or leaves what was there.
func writeWhole(path string, text []byte) (err error) {
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if errors.Is(err, fs.ErrPermission) {
		return fault.At(path, 0, "permission denied; expected a folder that can be written to")
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	_, writeErr := part.Write(text)
	if err := errors.Join(writeErr, part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return fmt.Errorf("name %s: %w", path, err)
	}
	return nil
}
