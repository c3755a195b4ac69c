package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockInterval is how often a lock that somebody else holds is tried. There is no way to be told.
const lockInterval = 100 * time.Millisecond

// lock takes the lock of a blob, the same that huggingface_hub takes, and gives the function that lets go of it. The
// file stays: whoever waits for it has it open.
func (c *Client) lock(ctx context.Context, path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, onDisk(err)
	}
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o664)
		if err != nil {
			return nil, onDisk(err)
		}
		held, err := take(file, path)
		if held {
			return file.Close, nil // closing lets go
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, onDisk(err)
		}
		if err := wait(ctx, lockInterval); err != nil {
			return nil, err
		}
	}
}

// take tries once. A lock on a file that was removed in the meantime is worth nothing.
func take(file *os.File, path string) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mine, err := file.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there), nil
}
