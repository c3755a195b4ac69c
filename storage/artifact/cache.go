package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Cache keeps local copies of artifacts, one folder each, for programs that need files. It may be removed at any time
// while nothing uses it. Several processes may share a folder.
type Cache struct {
	folder string

	mu   sync.Mutex
	busy map[spec.Digest]chan struct{} // guarded by mu; a copy being made; closed when it is done
}

// NewCache keeps copies below a folder, which is created when needed.
func NewCache(folder string) *Cache {
	return &Cache{folder: folder, busy: make(map[spec.Digest]chan struct{})}
}

// sealed is the time of modification of every file in the cache. A file that someone changed has another one, which is
// how a copy is checked again without reading it.
var sealed = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

// Materialise gives a folder that holds the files of the artifact, verified. Files are read-only and shared: copy
// before changing them. Calls for one artifact may come from many goroutines and processes at once.
func (c *Cache) Materialise(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (string, error) {
	if err := ref.Digest.Check(); err != nil {
		return "", err
	}
	release, err := c.enter(ctx, ref.Digest)
	if err != nil {
		return "", err
	}
	defer release()
	m, err := Load(ctx, store, ref)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(c.folder, string(ref.Digest))
	if _, err := os.Lstat(folder); err == nil {
		return folder, c.fill(ctx, store, m, folder) // only what is missing or was changed
	}
	return folder, c.create(ctx, store, m, folder)
}

// enter waits until no other goroutine makes a copy of the same artifact.
func (c *Cache) enter(ctx context.Context, digest spec.Digest) (release func(), err error) {
	for {
		c.mu.Lock()
		wait, taken := c.busy[digest]
		if !taken {
			done := make(chan struct{})
			c.busy[digest] = done
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.busy, digest)
				c.mu.Unlock()
				close(done)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// create makes the folder beside its place and gives it its name when it is complete.
func (c *Cache) create(ctx context.Context, store storage.Store, m Manifest, folder string) (err error) {
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return local(err)
	}
	draft, err := os.MkdirTemp(c.folder, ".draft-*")
	if err != nil {
		return local(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	if err := c.fill(ctx, store, m, draft); err != nil {
		return err
	}
	err = os.Rename(draft, folder)
	if errors.Is(err, fs.ErrExist) { // another process was first
		return c.fill(ctx, store, m, folder)
	}
	return local(err)
}

// fill fetches the files that the folder lacks or holds changed. Each gets its name when it is verified.
func (c *Cache) fill(ctx context.Context, store storage.Store, m Manifest, folder string) error {
	for _, file := range m.Files {
		path := filepath.Join(folder, filepath.FromSlash(file.Name))
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() && info.Size() == file.SizeBytes && info.ModTime().Equal(sealed) {
			continue
		}
		if err := fetch(ctx, store, file, path); err != nil {
			return fmt.Errorf("%s artifact: file %q: %w", m.Kind, file.Name, err)
		}
	}
	return nil
}

func fetch(ctx context.Context, store storage.Store, file File, path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return local(err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*")
	if err != nil {
		return local(err)
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, os.Remove(draft.Name()))
		}
	}()
	if err := errors.Join(cas.CopyTo(ctx, store, file.Blob, draft), draft.Sync(), draft.Close()); err != nil {
		if fault.KindOf(err) == "" && ctx.Err() == nil {
			return local(err) // writing failed, not reading
		}
		return err
	}
	if err := errors.Join(os.Chmod(draft.Name(), 0o444), os.Chtimes(draft.Name(), sealed, sealed)); err != nil {
		return local(err)
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return local(err)
	}
	kept = true
	return nil
}

// local marks an error of this machine's disk (full, not writable): another worker, or a later try, may do better.
func local(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Transient, "cache: %w", err)
}
