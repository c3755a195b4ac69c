//go:build torch

package model

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Stored is one tensor of a checkpoint.
type Stored struct {
	Name       string
	Tensor     *tensor.Tensor
	Transposed bool // the checkpoint holds it as [in, out], the tensor here is [out, in]

	// Read makes the tensor when it is written, where Tensor has its shape only. It is in the current scope.
	Read func() (*tensor.Tensor, error)
}

// StoredLinear gives the weight of a linear layer, and its bias where it has one. A LoRA branch is not part of it.
func StoredLinear(l *nn.Linear) []Stored {
	all := []Stored{{Name: l.Name + ".weight", Tensor: l.Weight, Transposed: l.FanInFanOut}}
	if l.Bias != nil {
		all = append(all, Stored{Name: l.Name + ".bias", Tensor: l.Bias})
	}
	return all
}

// MaxShardBytes is where transformers 4 begins a new file of weights.
const MaxShardBytes = 5e9

const (
	weightsFile = "model.safetensors"
	indexFile   = weightsFile + indexSuffix
)

// Save writes a model into dir, which must exist and hold no weights yet, as a Hugging Face folder: config.json, and
// model.safetensors or shards of at most maxShardBytes with their index. The weights are converted to dtype one tensor at a
// time: memory for the largest tensor is all it takes. The tokenizer's files are the caller's to add. Save must run inside
// Engine.Do. It is not atomic; the caller who needs that gives a folder beside the final place, and renames.
func Save(dir string, m Model, dtype tensor.DType, maxShardBytes int64) error {
	for _, file := range []string{weightsFile, indexFile} {
		if _, err := os.Stat(filepath.Join(dir, file)); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fault.New(fault.Conflict, "write %s: the folder holds %s already, expected no weights", dir, file), err)
		}
	}
	if _, ok := storedTypes()[dtype]; !ok {
		return fault.New(fault.Invalid, "write %s: weights of type %s, expected float32, float16 or bfloat16", dir, dtype)
	}
	config, err := m.Config(dtype)
	if err != nil {
		return err
	}
	shards := deal(m.Stored(), int64(dtype.Size()), maxShardBytes)
	if len(shards) == 1 {
		if err := writeShard(filepath.Join(dir, weightsFile), shards[0], dtype); err != nil {
			return err
		}
	} else if err := writeShards(dir, shards, dtype); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "config.json"), config)
}

// deal fills one file after the other, in the order of the checkpoint; a tensor above the limit has a file of its own.
func deal(all []Stored, elementBytes, limit int64) [][]Stored {
	var shards [][]Stored
	var shard []Stored
	var size int64
	for _, s := range all {
		bytes := s.Tensor.Numel() * elementBytes
		if bytes > limit {
			shards = append(shards, []Stored{s})
			continue
		}
		if size+bytes > limit {
			shards = append(shards, shard)
			shard, size = nil, 0
		}
		shard, size = append(shard, s), size+bytes
	}
	if len(shard) > 0 {
		shards = append(shards, shard)
	}
	return shards
}

func writeShards(dir string, shards [][]Stored, dtype tensor.DType) error {
	where := map[string]string{}
	var parameters int64
	for i, shard := range shards {
		file := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		if err := writeShard(filepath.Join(dir, file), shard, dtype); err != nil {
			return err
		}
		for _, s := range shard {
			where[s.Name] = file
			parameters += s.Tensor.Numel()
		}
	}
	index, err := json.MarshalIndent(map[string]any{
		"metadata":   map[string]int64{"total_parameters": parameters, "total_size": parameters * int64(dtype.Size())},
		"weight_map": where,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the index of %s: %w", dir, err)
	}
	return writeFile(filepath.Join(dir, indexFile), append(index, '\n'))
}

func writeShard(path string, shard []Stored, dtype tensor.DType) error {
	views := make([]view, len(shard))
	for i, s := range shard {
		views[i] = view{s, dtype}
	}
	return create(path, func(w *bufio.Writer) error { return writeSafetensors(w, views) })
}

func writeFile(path string, data []byte) error {
	return create(path, func(w *bufio.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// create writes a file that is on the disk when create returns.
func create(path string, write func(*bufio.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(w), w.Flush(), f.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
