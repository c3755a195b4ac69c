package torchfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"elara/spec/fault"
)

// File is an open file of torch.save. Its methods may be called from several goroutines at once, but none during or after
// Close.
type File struct {
	path    string
	handle  *os.File
	tensors []Tensor // in file order
	byName  map[string]int
}

// Open reads the description of all tensors and checks it. The caller closes the file. Bytes that break the format are
// fault.Corrupt; a readable file that holds something other than tensors is fault.Invalid.
func Open(path string) (_ *File, err error) {
	handle, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.At(path, 0, "no such file, expected one that torch.save wrote")
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, handle.Close())
		}
	}()
	info, err := handle.Stat()
	if err != nil {
		return nil, fmt.Errorf("stat %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.At(path, 0, "not a regular file, expected one that torch.save wrote")
	}
	tensors, err := parse(path, handle, info.Size())
	if err != nil {
		return nil, err
	}
	f := &File{path: path, handle: handle, tensors: tensors, byName: make(map[string]int, len(tensors))}
	for i, t := range tensors {
		f.byName[t.Name] = i
	}
	return f, nil
}

// parse tells the forms apart by their first bytes.
func parse(path string, from io.ReaderAt, size int64) ([]Tensor, error) {
	head := make([]byte, min(size, 512))
	if _, err := from.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return parseZip(path, from, size)
	case len(head) == 512 && string(head[257:262]) == "ustar":
		return nil, fault.At(path, 0, "the tar form of PyTorch 0.1 is not read, expected the zip form or the legacy form of torch.save")
	case len(head) > 1 && head[0] == opProto:
		return parseLegacy(path, from, size)
	}
	return nil, fault.At(path, 0, "not a file that torch.save wrote, expected its zip form or its legacy form")
}

// Close closes the file.
func (f *File) Close() error { return f.handle.Close() }

// Path is the path the file was opened under.
func (f *File) Path() string { return f.path }

// Tensors lists the tensors in file order. The slice and the shapes are the caller's.
func (f *File) Tensors() []Tensor {
	tensors := slices.Clone(f.tensors)
	for i := range tensors {
		tensors[i].Shape = slices.Clone(tensors[i].Shape)
	}
	return tensors
}

// Tensor finds a tensor by name; fault.Invalid when the file has none.
func (f *File) Tensor(name string) (Tensor, error) {
	i, found := f.byName[name]
	if !found {
		return Tensor{}, fault.At(f.path, 0, "tensor %q is missing, expected it among the file's %d tensors", name, len(f.tensors))
	}
	t := f.tensors[i]
	t.Shape = slices.Clone(t.Shape)
	return t, nil
}

// Data gives the numbers of a tensor, row by row, little-endian, SizeBytes in all. Where they lie so in the
// file, nothing is read yet; a transposed or otherwise strided tensor is read and laid out now.
func (f *File) Data(name string) (*io.SectionReader, error) {
	t, err := f.Tensor(name)
	if err != nil {
		return nil, err
	}
	width := t.DType.Size()
	at := t.root.at + t.first*width
	if t.contiguous() {
		return io.NewSectionReader(f.handle, at, t.SizeBytes()), nil
	}
	span := make([]byte, t.span()*width)
	if _, err := f.handle.ReadAt(span, at); err != nil {
		return nil, fmt.Errorf("read tensor %q of %s: %w", t.Name, f.path, err)
	}
	return io.NewSectionReader(bytes.NewReader(layOut(t, span)), 0, t.SizeBytes()), nil
}

// layOut gathers the numbers of a strided tensor row by row. span begins at the tensor's first number.
func layOut(t Tensor, span []byte) []byte {
	width := t.DType.Size()
	out := make([]byte, 0, t.SizeBytes())
	index := make([]int64, len(t.Shape)) // of the number that comes next
	from := int64(0)
	for range t.elements {
		out = append(out, span[from*width:(from+1)*width]...)
		for d := len(index) - 1; d >= 0; d-- {
			index[d]++
			from += t.strides[d]
			if index[d] < t.Shape[d] {
				break
			}
			from -= index[d] * t.strides[d]
			index[d] = 0
		}
	}
	return out
}

// named turns what a pickle built into tensors with names.
func named(path string, v value) ([]Tensor, error) {
	d, ok := v.(*dict)
	if !ok {
		return nil, fault.At(path, 0, "the file holds %s, expected a dictionary of tensors", describe(v))
	}
	tensors := make([]Tensor, 0, len(d.keys))
	seen := make(map[string]bool, len(d.keys))
	for i, key := range d.keys {
		name, ok := key.(string)
		if !ok || name == "" {
			return nil, fault.At(path, 0, "entry %d of the dictionary has %s for a key, expected a tensor's name", i, describe(key))
		}
		t, ok := d.values[i].(*Tensor)
		if !ok {
			return nil, fault.At(path, 0, "entry %q is %s, expected a tensor", name, describe(d.values[i]))
		}
		if seen[name] {
			return nil, corrupt(path, "tensor %q appears twice, expected once", name)
		}
		seen[name] = true
		copied := *t // the same tensor may stand under several names
		copied.Name = name
		tensors = append(tensors, copied)
	}
	return tensors, nil
}
