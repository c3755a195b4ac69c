package corpus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/spec/fault"
)

// Resolve finds the files that a path means: the file itself, the *.txt and *.jsonl files of a folder, or what a glob
// matches. They come in the order of their names, and there is at least one.
func Resolve(path string) ([]string, error) {
	info, err := os.Stat(path)
	var files []string
	switch {
	case err == nil && !info.IsDir():
		return []string{path}, nil
	case err == nil:
		entries, err := os.ReadDir(path) // in the order of the names
		if err != nil {
			return nil, unreadable(path, err)
		}
		for _, entry := range entries {
			if name := entry.Name(); IsJSONL(name) || strings.EqualFold(filepath.Ext(name), ".txt") {
				files = append(files, filepath.Join(path, name))
			}
		}
	case strings.ContainsAny(path, "*?["):
		if files, err = filepath.Glob(path); err != nil {
			return nil, fault.At(path, 0, "malformed pattern; expected a file, a folder, or a glob of *, ? and [a-z]")
		}
		slices.Sort(files)
	default:
		return nil, unreadable(path, err)
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		info, err := os.Stat(file)
		return err != nil || info.IsDir()
	})
	if len(files) == 0 {
		return nil, fault.At(path, 0, "no text there; expected at least one file named *.txt or *.jsonl")
	}
	return files, nil
}

// IsJSONL reports whether a file holds {"text": ...} a line.
func IsJSONL(file string) bool { return strings.EqualFold(filepath.Ext(file), ".jsonl") }

// unreadable says in one line why a file that the user named cannot be read.
func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.At(path, 0, "no such file; expected a text file, a folder of them, or a glob")
	}
	return fault.At(path, 0, "cannot be read: %w", errors.Unwrap(err))
}
