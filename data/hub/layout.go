package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"elara/spec/fault"
)

// layout knows where huggingface_hub keeps the files of one model:
//
//	CACHE/models--owner--name/refs/main                      the commit that a branch was last seen at
//	CACHE/models--owner--name/blobs/ETAG                     contents
//	CACHE/models--owner--name/snapshots/COMMIT/config.json   a link to ../../blobs/ETAG
//	CACHE/.locks/models--owner--name/ETAG.lock               held while a blob is written
type layout struct{ cache, folder string }

func (c *Client) layout(name Name) layout {
	return layout{cache: c.settings.Cache, folder: "models--" + strings.ReplaceAll(name.Repo, "/", "--")}
}

func (l layout) ref(revision string) string {
	return filepath.Join(l.cache, l.folder, "refs", filepath.FromSlash(revision))
}

func (l layout) blob(etag string) string { return filepath.Join(l.cache, l.folder, "blobs", etag) }

func (l layout) snapshot(commit string) string {
	return filepath.Join(l.cache, l.folder, "snapshots", commit)
}

func (l layout) lock(etag string) string {
	return filepath.Join(l.cache, ".locks", l.folder, etag+".lock")
}

// commit gives the commit that a revision was last seen at, or "".
func (l layout) commit(name Name) (string, error) {
	if name.isCommit() {
		return name.Revision, nil
	}
	text, err := os.ReadFile(l.ref(name.Revision))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", onDisk(err)
	}
	commit := strings.TrimSpace(string(text))
	if !commitHash.MatchString(commit) {
		return "", &fault.Error{Kind: fault.Corrupt, Place: l.ref(name.Revision), Err: fmt.Errorf("holds %d bytes, expected a commit of 40 hexadecimal digits", len(text))}
	}
	return commit, nil
}

// setCommit remembers where a branch is. Readers see the old commit or the new one.
func (l layout) setCommit(name Name, commit string) error {
	known, err := l.commit(name)
	if err == nil && known == commit || name.isCommit() {
		return nil
	}
	ref := l.ref(name.Revision)
	if err := os.MkdirAll(filepath.Dir(ref), 0o777); err != nil {
		return onDisk(err)
	}
	partial, err := os.CreateTemp(filepath.Dir(ref), filepath.Base(ref)+".*.tmp")
	if err != nil {
		return onDisk(err)
	}
	_, err = partial.WriteString(commit)
	err = errors.Join(err, partial.Chmod(0o644), partial.Close())
	if err == nil {
		err = os.Rename(partial.Name(), ref)
	}
	if err != nil {
		return errors.Join(onDisk(err), os.Remove(partial.Name()))
	}
	return nil
}

// link makes a file of a snapshot out of a blob. A link that leads nowhere is replaced.
func (l layout) link(commit, file, etag string) error {
	pointer := filepath.Join(l.snapshot(commit), file)
	if err := os.MkdirAll(filepath.Dir(pointer), 0o777); err != nil {
		return onDisk(err)
	}
	target, err := filepath.Rel(filepath.Dir(pointer), l.blob(etag))
	if err != nil {
		return err
	}
	err = os.Symlink(target, pointer)
	if errors.Is(err, fs.ErrExist) && !exists(pointer) {
		err = errors.Join(os.Remove(pointer), os.Symlink(target, pointer))
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else was faster
	}
	return onDisk(err)
}

// tag tells programs that make backups to pass the cache over (CACHEDIR.TAG, bford.info/cachedir).
func (l layout) tag() error {
	if err := os.MkdirAll(l.cache, 0o777); err != nil {
		return onDisk(err)
	}
	file, err := os.OpenFile(filepath.Join(l.cache, "CACHEDIR.TAG"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return onDisk(err)
	}
	_, err = file.WriteString("Signature: 8a477f597d28d172789f06886806bc55\n# A cache of models from a hub.\n")
	return onDisk(errors.Join(err, file.Close()))
}

// exists follows links: one that leads nowhere does not exist.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// onDisk gives failures of the cache's disk their kind: it may be mended while the work waits.
func onDisk(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return fault.WithHint(fault.New(fault.Invalid, "the hub's cache: %w", err), "set HF_HUB_CACHE to a folder that may be written")
	}
	return fault.New(fault.Transient, "the hub's cache: %w", err)
}
