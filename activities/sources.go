package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// storePrefix marks a data source that lies in the bucket.
const storePrefix = "store:"

// sourceFolder names the folder of the i-th data source inside an artifact.
func sourceFolder(i int) string { return fmt.Sprintf("%03d", i) }

// CollectSources freezes the files that the data sources mean now, as they are.
func (c *Control) CollectSources(ctx context.Context, in spec.PrepareInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StagePrepare, in, c.collectSources)
}

func (c *Control) collectSources(ctx context.Context, in spec.PrepareInput) (_ spec.ArtifactRef, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePrepare}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	folder, remove, err := scratch(c.Scratch, "sources")
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	for i, from := range in.Config.Sources {
		into := filepath.Join(folder, sourceFolder(i))
		if prefix, inStore := strings.CutPrefix(from.Path, storePrefix); inStore {
			err = download(ctx, store, prefix, into)
		} else {
			err = link(from, into)
		}
		if err != nil {
			return spec.ArtifactRef{}, err
		}
	}
	return artifact.Publish(ctx, store, spec.KindSource, folder, nil, nil)
}

// link lays the files of a source out under their names, without copying them.
func link(from spec.DataSource, into string) error {
	set, err := source.Open(from)
	if err != nil {
		return err
	}
	for _, file := range set.Files {
		at := filepath.Join(into, filepath.FromSlash(file.Name))
		target, err := filepath.Abs(file.Path)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.Symlink(target, at)); err != nil {
			return onDisk(err)
		}
	}
	return nil
}

// download fetches the CSV objects below a prefix.
func download(ctx context.Context, store storage.Store, prefix, into string) error {
	if err := storage.CheckPrefix(prefix); err != nil {
		return err
	}
	found := false
	for info, err := range store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if !strings.EqualFold(path.Ext(info.Key), ".csv") {
			continue
		}
		found = true
		name := info.Key[strings.LastIndexByte(prefix, '/')+1:]
		if err := fetch(ctx, store, info.Key, filepath.Join(into, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if !found {
		return fault.At(storePrefix+prefix, 0, "no objects named *.csv there; expected at least one")
	}
	return nil
}

func fetch(ctx context.Context, store storage.Store, key, at string) (err error) {
	body, _, err := store.Get(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return onDisk(err)
	}
	file, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return onDisk(err)
	}
	_, err = io.Copy(file, body)
	return errors.Join(err, onDisk(file.Close()))
}
