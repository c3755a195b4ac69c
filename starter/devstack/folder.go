package devstack

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"elara/spec/fault"
)

// What lies in a state folder.
const (
	lockFile        = "lock"
	recordFile      = "stack.json"
	credentialsFile = "credentials.json"
	historyFile     = "temporal.db"
	objectsFolder   = "objects" // made by the gateway
	logsFolder      = "logs"
	curvesName      = "curves" // made by the worker
)

// DefaultFolder is where state lies when nobody says otherwise: $XDG_STATE_HOME/elara, or ~/.local/state/elara.
func DefaultFolder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "elara"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.WithHint(fault.New(fault.Invalid, "find the state folder: %w", err), "give one with --state")
	}
	return filepath.Join(home, ".local", "state", "elara"), nil
}

// LogPath is where a part of the stack in this folder writes what it prints.
func LogPath(folder, part string) string { return filepath.Join(folder, logsFolder, part+".log") }

func makeFolder(folder string) error {
	for _, dir := range []string{folder, filepath.Join(folder, logsFolder)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fault.New(fault.Invalid, "make the state folder: %w", err)
		}
	}
	return nil
}

// lock takes the folder for this process. It is an open-file-description lock: the system drops it when the process
// ends, however it ends, and looking at it (locked) does not take it.
func lock(folder string) (io.Closer, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.New(fault.Invalid, "lock the state folder: %w", err)
	}
	err = unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if err == nil {
		return file, nil
	}
	_ = file.Close() // nothing was written to it; the lock's error is what counts
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return nil, fault.WithHint(fault.New(fault.Conflict, "state folder %s is in use by another stack", folder),
			"stop it with elara down, or give another folder with --state")
	}
	return nil, fault.New(fault.Invalid, "lock the state folder %s: %w", folder, err)
}

// locked reports whether a live process holds the folder.
func locked(folder string) (bool, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	probe := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &probe); err != nil {
		return false, fmt.Errorf("look at the lock of %s: %w", folder, err)
	}
	return probe.Type != unix.F_UNLCK, nil
}

// Credentials open the stack's S3 gateway. They live in the state folder, readable by the owner only.
type Credentials struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// String keeps the secret out of logs and error texts.
func (Credentials) String() string { return "***" }

// LoadCredentials reads what the stack of this folder made.
func LoadCredentials(folder string) (Credentials, error) {
	var c Credentials
	err := readJSON(filepath.Join(folder, credentialsFile), &c)
	if err == nil && (c.AccessKey == "" || c.SecretKey == "") {
		err = fault.At(filepath.Join(folder, credentialsFile), 0, "expected access_key and secret_key")
	}
	return c, err
}

// keepCredentials reads the folder's credentials, making them the first time.
func keepCredentials(folder string) (Credentials, error) {
	c, err := LoadCredentials(folder)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	c = Credentials{AccessKey: "elara-" + rand.Text()[:14], SecretKey: rand.Text() + rand.Text()[:14]}
	return c, writeJSON(filepath.Join(folder, credentialsFile), c)
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.At(path, 0, "expected JSON: %v", err)
	}
	return nil
}

// writeJSON replaces the file in one step, readable by the owner only.
func writeJSON(path string, value any) (err error) {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(append(data, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
