//go:build torch

package model

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"elara/engine/tensor"
	"elara/spec/fault"
)

// Source gives weights by their name in transformers.
type Source interface {
	// Has reports whether a weight exists.
	Has(name string) bool
	// Load reads one weight into a tensor of its stored type, or float32 where it was quantised.
	Load(e *tensor.Engine, name string) (*tensor.Tensor, error)
	// Path is the file or folder, for errors.
	Path() string
	// Close lets go of the files.
	Close() error
}

// Folder reads the weights of a Hugging Face folder.
type Folder struct {
	path   string
	shards []weights
	where  map[string]weights
}

// weights is an open file of named tensors.
type weights interface {
	Names() []string
	Shape(name string) ([]int64, bool)
	Load(e *tensor.Engine, name string) (*tensor.Tensor, error)
	Close() error
}

// form is a way in which a folder holds its weights: one file, or an index that names the shards.
type form struct {
	file string
	open func(path string) (weights, error)
}

const indexSuffix = ".index.json"

// forms are looked for in this order, each whole before sharded, as transformers does: safetensors cannot hold a program.
func forms() []form {
	return []form{{weightsFile, openSafetensors}, {torchFile, openTorch}}
}

func openSafetensors(path string) (weights, error) { return tensor.OpenSafetensors(path) }

// OpenFolder opens all weight files of a folder.
func OpenFolder(path string) (_ *Folder, err error) {
	f := &Folder{path: path, where: map[string]weights{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, form := range forms() {
		if exists(filepath.Join(path, form.file)) {
			return f, f.add(form, form.file, nil)
		}
		if index := filepath.Join(path, form.file+indexSuffix); exists(index) {
			return f, f.addShards(form, index)
		}
	}
	return nil, fault.At(path, 0, "no weights, expected %s or %s, whole or in shards with their index", weightsFile, torchFile)
}

// exists is true for a file that cannot be read, too: opening it says why.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// addShards opens the files that an index names.
func (f *Folder) addShards(form form, index string) error {
	data, err := os.ReadFile(index)
	if err != nil {
		return fault.New(fault.Invalid, "read %s: %w", index, err)
	}
	var listed struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &listed); err != nil {
		return fault.At(index, 0, "not the JSON of a weight index: %w", err)
	}
	byShard := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(listed.WeightMap)) {
		shard := listed.WeightMap[name]
		if !filepath.IsLocal(shard) || filepath.Base(shard) != shard {
			return fault.At(index, 0, "weight %q lies in %q, expected a file of the same folder", name, shard)
		}
		byShard[shard] = append(byShard[shard], name)
	}
	for _, shard := range slices.Sorted(maps.Keys(byShard)) {
		if err := f.add(form, shard, byShard[shard]); err != nil {
			return err
		}
	}
	return nil
}

// add opens one file; expected are the weights that the index promises in it, or nil for whatever it holds.
func (f *Folder) add(form form, file string, expected []string) error {
	path := filepath.Join(f.path, file)
	shard, err := form.open(path)
	if err != nil {
		return err
	}
	f.shards = append(f.shards, shard)
	if expected == nil {
		expected = shard.Names()
	}
	for _, name := range expected {
		if _, ok := shard.Shape(name); !ok {
			return fault.At(path, 0, "weight %q is missing, the index names this file for it", name)
		}
		f.where[name] = shard
	}
	return nil
}

// Has implements Source.
func (f *Folder) Has(name string) bool { return f.where[name] != nil }

// Load implements Source.
func (f *Folder) Load(e *tensor.Engine, name string) (*tensor.Tensor, error) {
	shard := f.where[name]
	if shard == nil {
		return nil, fault.At(f.path, 0, "weight %q is missing", name)
	}
	return shard.Load(e, name)
}

// Path implements Source.
func (f *Folder) Path() string { return f.path }

// Close implements Source.
func (f *Folder) Close() error {
	var err error
	for _, shard := range f.shards {
		err = errors.Join(err, shard.Close())
	}
	return err
}
