package serve

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"elara/spec/fault"
)

// scratch is a folder of this process alone. It is locked while the process lives, so that the next one can tell what
// a killed process left behind.
type scratch struct {
	folder string
	lock   *os.File
}

const lockName = "lock"

// openScratch makes a folder below root, and removes those whose process is gone.
func openScratch(root string) (scratch, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return scratch{}, unusable(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return scratch{}, unusable(err)
	}
	for _, entry := range entries {
		if err := removeAbandoned(filepath.Join(root, entry.Name())); err != nil {
			return scratch{}, unusable(err)
		}
	}
	folder, err := os.MkdirTemp(root, "worker-*")
	if err != nil {
		return scratch{}, unusable(err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return scratch{}, unusable(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return scratch{}, unusable(errors.Join(err, lock.Close()))
	}
	return scratch{folder: folder, lock: lock}, nil
}

// removeAbandoned removes a folder whose lock nobody holds. One without a lock file is being made right now.
func removeAbandoned(folder string) (err error) {
	lock, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil
	case err != nil:
		return err
	}
	return os.RemoveAll(folder)
}

// remove gives the folder up.
func (s scratch) remove() error {
	return errors.Join(os.RemoveAll(s.folder), s.lock.Close())
}

func unusable(err error) error {
	return fault.WithHint(fault.New(fault.Invalid, "scratch folder: %w", err), "expected a cache_dir that can be written to")
}
