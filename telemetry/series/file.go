package series

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Begin puts a file with this content in the place of the one before and leaves it open to be appended to. Whoever reads
// the path sees the old file or the new one, never a part; what a killed process had torn is gone.
func Begin(path string, content []byte) (*os.File, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", folder, err)
	}
	file, err := os.CreateTemp(folder, ".partial-")
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", path, err)
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(0o644), file.Sync()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), file.Close(), os.Remove(file.Name()))
	}
	return file, nil
}

// Replace is Begin for a file that is whole with its content.
func Replace(path string, content []byte) error {
	file, err := Begin(path, content)
	if err != nil {
		return err
	}
	return file.Close()
}
