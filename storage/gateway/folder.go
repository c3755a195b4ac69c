package gateway

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"elara/spec/fault"
)

// lockFolder makes sure that one gateway serves the folder. The kernel gives the lock up when the process dies.
func lockFolder(folder string) (release func() error, err error) {
	path := filepath.Join(folder, ".gateway.lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.New(fault.Invalid, "gateway: lock folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		failure := fault.New(fault.Conflict, "gateway: folder %q is served by another process: %w", folder, err)
		return nil, errors.Join(failure, file.Close())
	}
	return file.Close, nil
}

// hasAttributes tries whether files in the folder can carry extended attributes of the kind the backend uses.
func hasAttributes(folder string) (bool, error) {
	file, err := os.CreateTemp(folder, ".attributes-*")
	if err != nil {
		return false, err
	}
	setting := unix.Fsetxattr(int(file.Fd()), "user.elara", []byte("1"), 0)
	if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
		return false, err
	}
	if errors.Is(setting, unix.ENOTSUP) || errors.Is(setting, unix.EPERM) {
		return false, nil
	}
	return setting == nil, setting
}

// syncPath puts a file or folder on the disk.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
