package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"elara/data/floats"
	"elara/data/safetensors"
	"elara/data/torchfile"
	"elara/spec/fault"
)

// Weights are a model's tensors under their names in transformers.
type Weights interface {
	// Names lists them in ascending order.
	Names() []string
	// Shape is that of a tensor; false when there is none of the name.
	Shape(name string) ([]int, bool)
	// ReadF32 writes a tensor into dst, which has exactly its number of elements.
	ReadF32(name string, dst []float32) error
	// Close lets go of the files.
	Close() error
}

const (
	configFile      = "config.json"
	safetensorsFile = "model.safetensors"
	torchFile       = "pytorch_model.bin"
	indexSuffix     = ".index.json"
)

// openWeights opens the weights of a Hugging Face folder: safetensors before pytorch_model.bin, whole before shards.
func openWeights(folder string) (Weights, error) {
	for _, form := range []struct {
		file string
		open func(string) (Weights, error)
	}{{safetensorsFile, openSafetensors}, {torchFile, openTorch}} {
		if _, err := os.Lstat(filepath.Join(folder, form.file)); err == nil {
			return form.open(filepath.Join(folder, form.file))
		}
		index := filepath.Join(folder, form.file+indexSuffix)
		if text, err := os.ReadFile(index); err == nil {
			return openShards(folder, index, text, form.open)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.At(index, 0, "cannot be read: %w", errors.Unwrap(err))
		}
	}
	return nil, fault.At(folder, 0, "no weights, expected %s or %s, whole or in shards with their index", safetensorsFile, torchFile)
}

func openSafetensors(path string) (Weights, error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, err // not file: an interface that holds a nil pointer is not nil
	}
	return file, nil
}

// torchWeights reads a file of torch.save.
type torchWeights struct{ *torchfile.File }

func openTorch(path string) (Weights, error) {
	file, err := torchfile.Open(path)
	if err != nil {
		return nil, err
	}
	return torchWeights{file}, nil
}

func (w torchWeights) Names() []string {
	var names []string
	for _, t := range w.Tensors() {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names
}

func (w torchWeights) Shape(name string) ([]int, bool) {
	t, err := w.Tensor(name) // its only error says that there is none
	if err != nil {
		return nil, false
	}
	shape := make([]int, len(t.Shape))
	for i, d := range t.Shape {
		shape[i] = int(d)
	}
	return shape, true
}

func (w torchWeights) ReadF32(name string, dst []float32) error {
	t, err := w.Tensor(name)
	if err != nil {
		return err
	}
	from, err := w.Data(name)
	if err != nil {
		return err
	}
	data := make([]byte, t.SizeBytes())
	if _, err := io.ReadFull(from, data); err != nil {
		return fmt.Errorf("read tensor %q of %s: %w", name, w.Path(), err)
	}
	if err := floats.Decode(dst, string(t.DType), data); err != nil {
		return fault.At(w.Path(), 0, "tensor %q: %w", name, err)
	}
	return nil
}

// shards are several files under one index.
type shards struct {
	folder string
	files  []Weights
	where  map[string]Weights
}

func openShards(folder, index string, text []byte, open func(string) (Weights, error)) (_ Weights, err error) {
	var listed struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, fault.At(index, 0, "not the JSON of a weight index: %w", err)
	}
	all := &shards{folder: folder, where: map[string]Weights{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, all.Close())
		}
	}()
	opened := map[string]Weights{}
	for _, name := range slices.Sorted(maps.Keys(listed.WeightMap)) {
		shard := listed.WeightMap[name]
		if filepath.Base(shard) != shard {
			return nil, fault.At(index, 0, "weight %q lies in %q, expected a file of the same folder", name, shard)
		}
		if opened[shard] == nil {
			file, err := open(filepath.Join(folder, shard))
			if err != nil {
				return nil, err
			}
			opened[shard] = file
			all.files = append(all.files, file)
		}
		if _, found := opened[shard].Shape(name); !found {
			return nil, fault.At(filepath.Join(folder, shard), 0, "weight %q is missing, the index names this file for it", name)
		}
		all.where[name] = opened[shard]
	}
	return all, nil
}

func (s *shards) Names() []string { return slices.Sorted(maps.Keys(s.where)) }

func (s *shards) Shape(name string) ([]int, bool) {
	file, found := s.where[name]
	if !found {
		return nil, false
	}
	return file.Shape(name)
}

func (s *shards) ReadF32(name string, dst []float32) error {
	file, found := s.where[name]
	if !found {
		return fault.At(s.folder, 0, "weight %q is missing", name)
	}
	return file.ReadF32(name, dst)
}

func (s *shards) Close() error {
	var err error
	for _, file := range s.files {
		err = errors.Join(err, file.Close())
	}
	return err
}
