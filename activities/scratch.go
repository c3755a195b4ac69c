package activities

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// bufferedFile is a new file that is written in large pieces.
type bufferedFile struct {
	file *os.File
	*bufio.Writer
}

func createFile(path string) (*bufferedFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, onDisk(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, onDisk(err)
	}
	return &bufferedFile{file: file, Writer: bufio.NewWriterSize(file, 256<<10)}, nil
}

// Close writes what is left. A nil file and a closed one are closed already.
func (f *bufferedFile) Close() error {
	if f == nil || f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return onDisk(errors.Join(f.Flush(), file.Close()))
}

// scratch makes a folder for files in the making, and gives the function that removes it.
func scratch(under, what string) (folder string, remove func() error, err error) {
	if err := os.MkdirAll(under, 0o700); err != nil {
		return "", nil, onDisk(err)
	}
	folder, err = os.MkdirTemp(under, what+"-*")
	if err != nil {
		return "", nil, onDisk(err)
	}
	return folder, func() error { return onDisk(os.RemoveAll(folder)) }, nil
}

// onDisk marks a failure of this machine's disk: another worker, or a later try, may do better.
func onDisk(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Transient, "scratch folder: %w", err)
}
