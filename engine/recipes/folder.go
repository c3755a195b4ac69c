//go:build torch

package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
	if err := writeFiles(staging, files); err != nil {
		return err
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

// writeFiles writes files into a folder that nobody reads yet.
func writeFiles(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// encodeJSON is the content of a file for people and programs alike.
func encodeJSON(name string, value any) ([]byte, error) {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return append(data, '\n'), nil
}

// generationFile holds the defaults of generation. It is part of a model folder and not of the model.
const generationFile = "generation_config.json"

// addDefaults takes over the defaults of generation from a model that files are made of, where it has some.
func addDefaults(files map[string][]byte, base string) error {
	defaults, err := os.ReadFile(filepath.Join(base, generationFile))
	switch {
	case err == nil:
		files[generationFile] = defaults
	case !errors.Is(err, fs.ErrNotExist) && filepath.Ext(base) != ".gguf":
		return fmt.Errorf("read the defaults of the base model: %w", err)
	}
	return nil
}
