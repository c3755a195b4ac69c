package source

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// Output is a file in the making. Its bytes go to a hidden file beside it, which takes the wanted name at
// Commit; until then, and after Discard, whatever the name held before is untouched.
type Output struct {
	path string
	file *os.File // nil once committed or discarded
	*bufio.Writer
}

// Create starts a file. The caller defers Discard, which does nothing after a Commit.
func Create(path string) (*Output, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fault.At(path, 0, "not a regular file; expected the name of a file to write")
	}
	folder, name := filepath.Split(path)
	if name == "" {
		return nil, fault.At(path, 0, "no file name; expected the name of a file to write")
	}
	hidden := filepath.Join(folder, fmt.Sprintf(".%s.%016x.part", name, rand.Uint64()))
	file, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.At(path, 0, "its folder does not exist; expected an existing folder")
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.At(path, 0, "permission denied; expected a folder that can be written to")
	case err != nil:
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return &Output{path: path, file: file, Writer: bufio.NewWriterSize(file, 256<<10)}, nil
}

// Commit makes files appear under their names: first all are brought to the disk, so that what can fail has
// failed before the first name changes.
func Commit(outputs ...*Output) error {
	for _, o := range outputs {
		if err := errors.Join(o.Flush(), o.file.Sync()); err != nil {
			return fmt.Errorf("write %s: %w", o.path, err)
		}
	}
	for _, o := range outputs {
		if err := o.file.Close(); err != nil {
			return fmt.Errorf("close %s: %w", o.path, err)
		}
		if err := os.Rename(o.file.Name(), o.path); err != nil {
			return fmt.Errorf("name %s: %w", o.path, err)
		}
		o.file = nil
		if err := syncFolder(filepath.Dir(o.path)); err != nil {
			return fmt.Errorf("sync the folder of %s: %w", o.path, err)
		}
	}
	return nil
}

// Discard removes what was not committed.
func (o *Output) Discard() error {
	if o.file == nil {
		return nil
	}
	closeErr := o.file.Close()
	if errors.Is(closeErr, os.ErrClosed) {
		closeErr = nil
	}
	err := errors.Join(closeErr, os.Remove(o.file.Name()))
	o.file = nil
	return err
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
