package safetensors

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	library "github.com/nlpodyssey/safetensors"
	"golang.org/x/sys/unix"

	"elara/data/floats"
	"elara/spec/fault"
)

// File is an open file, mapped into memory. Its methods may be called from several goroutines at once, but none during or
// after Close. The file must not be cut while it is open.
type File struct {
	path    string
	mapping []byte
	file    library.SafeTensors
}

// Open maps and checks a file. What does not hold is Invalid and names the file.
func Open(path string) (_ *File, err error) {
	handle, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.At(path, 0, "no such file, expected a safetensors file")
	}
	if err != nil {
		return nil, fmt.Errorf("open safetensors file: %w", err)
	}
	defer func() { err = errors.Join(err, handle.Close()) }() // the mapping outlives it
	info, err := handle.Stat()
	if err != nil {
		return nil, fmt.Errorf("stat safetensors file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() < 8 {
		return nil, fault.At(path, 0, "%d bytes are too few for a safetensors file, expected an 8-byte header length first", info.Size())
	}
	mapping, err := unix.Mmap(int(handle.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	file, err := library.Deserialize(mapping)
	if err != nil {
		return nil, errors.Join(fault.At(path, 0, "corrupt safetensors header: %w", err), unix.Munmap(mapping))
	}
	return &File{path: path, mapping: mapping, file: file}, nil
}

// Close releases the mapping. Closing twice is allowed.
func (f *File) Close() error {
	mapping := f.mapping
	if f.mapping = nil; mapping == nil {
		return nil
	}
	return unix.Munmap(mapping)
}

// Path is the path the file was opened under.
func (f *File) Path() string { return f.path }

// Names lists the tensors in ascending order.
func (f *File) Names() []string { return slices.Sorted(slices.Values(f.file.Names())) }

// Shape gives the shape of a tensor; false when there is none of that name, or when it fits into no memory.
func (f *File) Shape(name string) ([]int, bool) {
	view, found := f.file.Tensor(name)
	if !found {
		return nil, false
	}
	shape := make([]int, len(view.Shape()))
	for i, d := range view.Shape() {
		if d > math.MaxInt {
			return nil, false
		}
		shape[i] = int(d)
	}
	return shape, true
}

// ReadF32 writes the tensor, widened or narrowed to float32, into dst, which must have exactly its number of elements.
func (f *File) ReadF32(name string, dst []float32) error {
	view, found := f.file.Tensor(name)
	if !found {
		return fault.At(f.path, 0, "tensor %q is missing", name)
	}
	if err := floats.Decode(dst, view.DType().String(), view.Data()); err != nil {
		return fault.At(f.path, 0, "tensor %q: %w", name, err)
	}
	return nil
}
