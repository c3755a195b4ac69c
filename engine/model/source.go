//go:build torch

package model

import (
	"encoding/json"
	"errors"
	"io/fs"
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

// Folder reads a Hugging Face folder: model.safetensors, or the shards that model.safetensors.index.json names.
type Folder struct {
	path   string
	shards []*tensor.Safetensors
	where  map[string]*tensor.Safetensors
}

// OpenFolder opens all weight files of a folder.
func OpenFolder(path string) (_ *Folder, err error) {
	f := &Folder{path: path, where: map[string]*tensor.Safetensors{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	index := filepath.Join(path, "model.safetensors.index.json")
	data, err := os.ReadFile(index)
	if errors.Is(err, fs.ErrNotExist) {
		return f, f.add("model.safetensors", nil)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "read %s: %w", index, err)
	}
	var listed struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &listed); err != nil {
		return nil, fault.At(index, 0, "not the JSON of a weight index: %w", err)
	}
	byShard := map[string][]string{}
	for name, shard := range listed.WeightMap {
		if !filepath.IsLocal(shard) || filepath.Base(shard) != shard {
			return nil, fault.At(index, 0, "weight %q lies in %q, expected a file of the same folder", name, shard)
		}
		byShard[shard] = append(byShard[shard], name)
	}
	shards := make([]string, 0, len(byShard))
	for shard := range byShard {
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	for _, shard := range shards {
		if err := f.add(shard, byShard[shard]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// add opens one file; expected are the weights that the index promises in it, or nil for whatever it holds.
func (f *Folder) add(file string, expected []string) error {
	path := filepath.Join(f.path, file)
	shard, err := tensor.OpenSafetensors(path)
	if err != nil {
		return err
	}
	f.shards = append(f.shards, shard)
	names := shard.Names()
	if expected == nil {
		expected = names
	}
	slices.Sort(expected)
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
