//go:build torch

package recipes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// writeFolder puts files into dir, which is made when it is not there. Everything is written beside dir first and moved in
// file by file, so that no file is ever half written.
func writeFolder(dir string, files map[string][]byte, more func(dir string) error) (err error) {
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", parent, err)
	}
	staging, err := os.MkdirTemp(parent, ".writing-")
	if err != nil {
		return fmt.Errorf("make a folder in %s: %w", parent, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(staging, name), files[name], 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if more != nil {
		if err := more(staging); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	entries, err := os.ReadDir(staging)
	if err != nil {
		return fmt.Errorf("read %s: %w", staging, err)
	}
	for _, entry := range entries {
		if err := os.Rename(filepath.Join(staging, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("move %s into place: %w", entry.Name(), err)
		}
	}
	return nil
}
