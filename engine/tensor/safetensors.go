//go:build torch

package tensor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/nlpodyssey/safetensors"
	"golang.org/x/sys/unix"

	"elara/spec/fault"
)

// Safetensors is an open file of named tensors, mapped into memory: nothing is copied until a tensor is loaded.
type Safetensors struct {
	path string
	data []byte
	file safetensors.SafeTensors
}

// OpenSafetensors maps and checks a file: header length, offsets without holes or overlaps, shapes that fit. What does not
// hold is an Invalid error naming the file.
func OpenSafetensors(path string) (_ *Safetensors, err error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fault.At(path, 0, "no such file, expected a safetensors file")
		}
		return nil, fault.New(fault.Invalid, "open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < 8 || !info.Mode().IsRegular() {
		return nil, fault.At(path, 0, "%d bytes are too few for a safetensors file, expected an 8-byte header length first", info.Size())
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	file, err := safetensors.Deserialize(data)
	if err != nil {
		return nil, errors.Join(fault.At(path, 0, "corrupt safetensors header: %w", err), unix.Munmap(data))
	}
	return &Safetensors{path: path, data: data, file: file}, nil
}

// ReadSafetensors reads a file that is in memory already; name stands for it in errors.
func ReadSafetensors(name string, data []byte) (*Safetensors, error) {
	file, err := safetensors.Deserialize(data)
	if err != nil {
		return nil, fault.At(name, 0, "corrupt safetensors header: %w", err)
	}
	return &Safetensors{path: name, file: file}, nil
}

// Close unmaps the file; tensors that were loaded stay.
func (s *Safetensors) Close() error {
	if s.data == nil {
		return nil
	}
	data := s.data
	s.data = nil
	return unix.Munmap(data)
}

// Names lists the tensors in ascending order.
func (s *Safetensors) Names() []string { return s.file.Names() }

// Shape gives the shape of a tensor, or false.
func (s *Safetensors) Shape(name string) ([]int64, bool) {
	view, ok := s.file.Tensor(name)
	if !ok {
		return nil, false
	}
	return signed(view.Shape()), true
}

// Load copies a tensor in its stored type; F32, F16, BF16 and I64 are known.
func (s *Safetensors) Load(e *Engine, name string) (*Tensor, error) {
	view, ok := s.file.Tensor(name)
	if !ok {
		return nil, fault.At(s.path, 0, "tensor %q is missing", name)
	}
	shape := signed(view.Shape())
	if slices.ContainsFunc(shape, func(d int64) bool { return d < 0 }) { // a tensor of no elements may say anything
		return nil, fault.At(s.path, 0, "tensor %q has shape %v, expected sizes below 2^63", name, view.Shape())
	}
	var dtype DType
	switch view.DType() {
	case safetensors.F32:
		dtype = Float32
	case safetensors.F16:
		dtype = Float16
	case safetensors.BF16:
		dtype = BFloat16
	case safetensors.I64:
		dtype = Int64
	default:
		return nil, fault.At(s.path, 0, "tensor %q has type %s, expected F32, F16, BF16 or I64", name, view.DType())
	}
	if len(view.Data()) <= loadPiece || len(shape) == 0 {
		return e.FromBytes(view.Data(), dtype, shape...), s.forget()
	}
	return s.loadByRows(e, view.Data(), dtype, shape)
}

// loadPiece is how much of a file is in memory beside the tensor that is copied from it.
const loadPiece = 4 << 20

// loadByRows copies a large tensor piece by piece.
func (s *Safetensors) loadByRows(e *Engine, data []byte, dtype DType, shape []int64) (loaded *Tensor, err error) {
	loaded = e.Zeros(dtype, shape...)
	row := int64(len(data)) / shape[0]
	step := max(1, loadPiece/row)
	e.Scope(func() {
		e.NoGrad(func() {
			for at := int64(0); at < shape[0] && err == nil; at += step {
				n := min(step, shape[0]-at)
				e.Scope(func() {
					piece := append([]int64{n}, shape[1:]...)
					loaded.Narrow(0, at, n).Copy(e.FromBytes(data[at*row:(at+n)*row], dtype, piece...))
				})
				err = s.forget()
			}
		})
	})
	return loaded, err
}

// forget lets the kernel take back the pages that were copied from: who reads a model tensor by tensor needs memory for one, not
// for the file. What is read again is read from the file again. The whole mapping is named, because the kernel brings pages in
// before and behind those that are asked for.
func (s *Safetensors) forget() error {
	if s.data == nil {
		return nil
	}
	if err := unix.Madvise(s.data, unix.MADV_DONTNEED); err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	return nil
}

func signed(shape []uint64) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

// EncodeSafetensors writes named tensors in the order of their names, as the safetensors library of Python does, so that
// equal tensors give equal bytes. Memory for the result and for the largest tensor is all it takes.
func EncodeSafetensors(tensors map[string]*Tensor, metadata map[string]string) ([]byte, error) {
	const headerRoom = 256 // more than the header takes for one tensor
	size := uint64(headerRoom)
	views := make(map[string]encoded, len(tensors))
	for name, t := range tensors {
		v := encoded{tensor: t}
		switch t.DType() {
		case Float32:
			v.dtype = safetensors.F32
		case Float16:
			v.dtype = safetensors.F16
		case BFloat16:
			v.dtype = safetensors.BF16
		case Int64:
			v.dtype = safetensors.I64
		default:
			return nil, fmt.Errorf("encode tensor %q: type %s has no safetensors name here", name, t.DType())
		}
		size += v.DataLen() + headerRoom
		views[name] = v
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	if err := safetensors.SerializeToWriter(views, metadata, out); err != nil {
		return nil, fmt.Errorf("encode safetensors: %w", err)
	}
	return out.Bytes(), nil
}

// encoded gives the writer a tensor's bytes when their turn has come, and not before.
type encoded struct {
	tensor *Tensor
	dtype  safetensors.DType
}

func (e encoded) DType() safetensors.DType { return e.dtype }

func (e encoded) Shape() []uint64 {
	shape := make([]uint64, 0, 4)
	for _, d := range e.tensor.Shape() {
		shape = append(shape, uint64(d))
	}
	return shape
}

func (e encoded) DataLen() uint64 { return uint64(e.tensor.Numel()) * uint64(e.tensor.DType().Size()) }

func (e encoded) Data() []byte { return e.tensor.Bytes() }
