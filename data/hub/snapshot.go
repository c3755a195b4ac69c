package hub

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// Snapshot is a model in the cache, at a commit.
type Snapshot struct {
	Name   Name
	Commit string
	Folder string // in the cache; it may hold other files, too, which Python has fetched
	Files  []File // what the model consists of, in the order of fetching

	// Unverified lists files for which the hub gave no digest but only a size, as some mirrors do.
	Unverified []string

	// Unreachable is why the cache answered for a hub that could not be asked: the branch may have moved on. It is nil
	// where the hub was asked, and where the caller wanted it offline.
	Unreachable error
}

// File is one file of a snapshot, a link to a blob.
type File struct {
	Name      string
	SizeBytes int64
}

// LinkInto lays the snapshot's files out in a folder, as links, without what else the cache holds of the model.
func (s Snapshot) LinkInto(folder string) error {
	for _, file := range s.Files {
		if err := os.Symlink(filepath.Join(s.Folder, file.Name), filepath.Join(folder, file.Name)); err != nil {
			return onDisk(err)
		}
	}
	return nil
}

// Progress says how far a fetch is. Files that were in the cache count as fetched.
type Progress struct {
	File        string // the one that is being fetched
	Done, Total int64  // bytes of all files that are known by now; the shards of an index come to be known with it
}

// Fetch brings a model into the cache, where it is not there, and gives its snapshot. moved may be nil; it is called from
// this goroutine. A model that is not there is fault.NotFound, one that may not be read fault.Invalid, a hub that does not
// answer fault.Transient, bytes that are not what they should be fault.Corrupt.
func (c *Client) Fetch(ctx context.Context, name Name, moved func(Progress)) (Snapshot, error) {
	if c.settings.Offline {
		return c.cached(name)
	}
	listed, err := c.list(ctx, name)
	if fault.Is(err, fault.Transient) {
		if snapshot, cachedErr := c.cached(name); cachedErr == nil {
			snapshot.Unreachable = err
			return snapshot, nil
		}
	}
	if err != nil {
		return Snapshot{}, err
	}
	f := &fetch{client: c, layout: c.layout(name), name: name, listed: listed, moved: moved}
	if f.moved == nil {
		f.moved = func(Progress) {}
	}
	return f.run(ctx)
}

// fetch is one call of Fetch that asks the hub.
type fetch struct {
	client *Client
	layout layout
	name   Name
	listed listing
	moved  func(Progress)

	done, total int64
	snapshot    Snapshot
}

func (f *fetch) run(ctx context.Context) (Snapshot, error) {
	f.snapshot = Snapshot{Name: f.name, Commit: f.listed.commit, Folder: f.layout.snapshot(f.listed.commit)}
	chosen, err := choose(subject{name: f.name}, f.listed.files)
	if err != nil {
		return Snapshot{}, err
	}
	if err := f.layout.tag(); err != nil {
		return Snapshot{}, err
	}
	if err := f.bring(ctx, chosen); err != nil {
		return Snapshot{}, err
	}
	if index := chosen[len(chosen)-1]; isIndex(index) {
		text, err := os.ReadFile(filepath.Join(f.snapshot.Folder, index))
		if err != nil {
			return Snapshot{}, onDisk(err)
		}
		parts, err := shards(subject{name: f.name, file: index}, text, f.listed.files)
		if err != nil {
			return Snapshot{}, err
		}
		if err := f.bring(ctx, parts); err != nil {
			return Snapshot{}, err
		}
	}
	// The branch moves when all is there, so that offline readers never lose a whole snapshot to half a new one.
	if err := f.layout.setCommit(f.name, f.listed.commit); err != nil {
		return Snapshot{}, err
	}
	return f.snapshot, nil
}

// bring fetches some files one after the other. All are asked about first, so that the total is known.
func (f *fetch) bring(ctx context.Context, files []string) error {
	described := make(map[string]metadata, len(files))
	for _, file := range files {
		if info, err := os.Stat(filepath.Join(f.snapshot.Folder, file)); err == nil {
			f.total += info.Size()
			continue
		}
		err := f.client.retry(ctx, func() error {
			said, err := f.client.describe(ctx, subject{name: f.name, file: file}, f.listed.commit)
			described[file] = said
			return err
		})
		if err != nil {
			return err
		}
		f.total += max(described[file].size, 0)
	}
	for _, file := range files {
		if said, missing := described[file]; missing {
			t := &transfer{
				client: f.client, layout: f.layout, about: subject{name: f.name, file: file}, commit: f.listed.commit, said: said,
				moved: func(reached int64) {
					f.moved(Progress{File: file, Done: f.done + reached, Total: max(f.total, f.done+reached)})
				},
			}
			if err := t.run(ctx); err != nil {
				return err
			}
			if !hasDigest(said.etag) {
				f.snapshot.Unverified = append(f.snapshot.Unverified, file)
			}
		}
		info, err := os.Stat(filepath.Join(f.snapshot.Folder, file))
		if err != nil {
			return onDisk(err)
		}
		f.snapshot.Files = append(f.snapshot.Files, File{Name: file, SizeBytes: info.Size()})
		f.done += info.Size()
		f.moved(Progress{File: file, Done: f.done, Total: max(f.total, f.done)})
	}
	return nil
}

// cached finds a whole snapshot in the cache.
func (c *Client) cached(name Name) (Snapshot, error) {
	l := c.layout(name)
	commit, err := l.commit(name)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{Name: name, Commit: commit, Folder: l.snapshot(commit)}
	missing := func(what string) error {
		err := fault.New(fault.NotFound, "model %q is not in the cache %s: %s is missing", name, c.settings.Cache, what)
		if c.settings.Offline {
			err = fault.WithHint(err, "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to fetch it")
		}
		return err
	}
	if commit == "" {
		return Snapshot{}, missing("the revision")
	}
	entries, err := os.ReadDir(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return Snapshot{}, missing("commit " + commit)
	}
	if err != nil {
		return Snapshot{}, onDisk(err)
	}
	sizes, files := map[string]int64{}, []string{}
	for _, entry := range entries {
		// A link without its blob is a file that was removed to save space.
		if info, err := os.Stat(filepath.Join(s.Folder, entry.Name())); err == nil && info.Mode().IsRegular() {
			sizes[entry.Name()] = info.Size()
			files = append(files, entry.Name())
		}
	}
	chosen, err := choose(subject{name: name}, files)
	if err != nil {
		return Snapshot{}, missing("its configuration, its tokenizer or its weights")
	}
	if index := chosen[len(chosen)-1]; isIndex(index) {
		text, err := os.ReadFile(filepath.Join(s.Folder, index))
		if err != nil {
			return Snapshot{}, onDisk(err)
		}
		parts, err := shards(subject{name: name, file: index}, text, files)
		if err != nil {
			return Snapshot{}, missing("a shard of the weights")
		}
		chosen = append(chosen, parts...)
	}
	for _, file := range chosen {
		s.Files = append(s.Files, File{Name: file, SizeBytes: sizes[file]})
	}
	return s, nil
}
