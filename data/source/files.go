package source

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/spec/fault"
)

// File is one input file.
type File struct {
	Path string                        // as errors show it, so that the user can open it
	Name string                        // as row identities carry it: relative to what was asked for, '/' between folders
	Open func() (io.ReadCloser, error) // nil: the file at Path
}

func (f File) open() (io.ReadCloser, error) {
	if f.Open != nil {
		return f.Open()
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, openError(f.Path, err)
	}
	return file, nil
}

// Resolve finds the CSV files that a path means: the file itself, the *.csv files of a folder, or what a glob
// matches. They come in the order of their names, and there is at least one.
func Resolve(path string) ([]File, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return inFolder(path)
	case err == nil:
		return []File{{Path: path, Name: filepath.Base(path)}}, nil
	case strings.ContainsAny(path, "*?["):
		return matching(path)
	}
	return nil, openError(path, err)
}

func inFolder(folder string) ([]File, error) {
	entries, err := os.ReadDir(folder) // in the order of the names
	if err != nil {
		return nil, openError(folder, err)
	}
	var files []File
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if strings.EqualFold(filepath.Ext(entry.Name()), ".csv") && isFile(path) {
			files = append(files, File{Path: path, Name: entry.Name()})
		}
	}
	if len(files) == 0 {
		return nil, fault.At(folder, 0, "folder without CSV files; expected at least one file named *.csv")
	}
	return files, nil
}

func matching(pattern string) ([]File, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fault.At(pattern, 0, "malformed pattern; expected a file, a folder, or a glob of *, ? and [a-z]")
	}
	slices.Sort(paths)
	fixed := pattern[:strings.IndexAny(pattern, "*?[")]
	fixed = fixed[:strings.LastIndexByte(fixed, filepath.Separator)+1]
	var files []File
	for _, path := range paths {
		if isFile(path) {
			files = append(files, File{Path: path, Name: filepath.ToSlash(strings.TrimPrefix(path, fixed))})
		}
	}
	if len(files) == 0 {
		return nil, fault.At(pattern, 0, "no file matches; expected at least one CSV file")
	}
	return files, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// openError says in one line why a file that the user named cannot be opened.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.At(path, 0, "no such file; expected an existing file")
	case errors.Is(err, fs.ErrPermission):
		return fault.At(path, 0, "permission denied; expected a readable file")
	}
	return fault.At(path, 0, "open: %w", errors.Unwrap(err))
}
