package gguf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"elara/data/source"
	"elara/spec/fault"
)

// Entry is one key of the metadata. Its value is a string, bool, uint32, int32, uint64, float32, []string, []int32 or
// []float32.
type Entry struct {
	Key   string
	Value any
}

// Planned is a tensor that Write asks for when its turn has come.
type Planned struct {
	Name  string
	Shape []int // row-major, the fastest dimension last; rows must be a multiple of the type's BlockValues
	Type  Type

	// Read gives the values, row by row; it may hand out the same memory each time.
	Read func() ([]float32, error)
}

// Write writes a file of version 3 that appears under path when it is whole, or not at all. Memory for the largest tensor
// is all it takes. Told, if not nil, is called after each tensor with the bytes of tensor data so far and in all.
func Write(ctx context.Context, path string, metadata []Entry, tensors []Planned, told func(done, total int64)) (err error) {
	header, offsets, err := encodeHeader(path, metadata, tensors)
	if err != nil {
		return err
	}
	out, err := source.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	if _, err := out.Write(header); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	total := offsets[len(tensors)]
	for i, t := range tensors {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, err := t.encode()
		if err != nil {
			return fmt.Errorf("write %s: tensor %q: %w", path, t.Name, err)
		}
		padding := offsets[i+1] - offsets[i] - int64(len(data))
		if _, err := out.Write(append(data, make([]byte, padding)...)); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		if told != nil {
			told(offsets[i+1], total)
		}
	}
	return source.Commit(out)
}

// encode asks for the values and quantises them.
func (t Planned) encode() ([]byte, error) {
	values, err := t.Read()
	if err != nil {
		return nil, err
	}
	if want := t.elements(); len(values) != want {
		return nil, fault.New(fault.Invalid, "%d values, expected %d for shape %v", len(values), want, t.Shape)
	}
	size := t.sizeBytes()
	data := make([]byte, size, size+defaultAlignment)
	return data, quantize(t.Type, data, values)
}

func (t Planned) elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

func (t Planned) sizeBytes() int64 {
	values, bytes := t.Type.block()
	return int64(t.elements()) / int64(values) * int64(bytes)
}

// check refuses what the format cannot hold.
func (t Planned) check() error {
	values := t.Type.BlockValues()
	if values == 0 {
		return fault.New(fault.Invalid, "tensor %q is to have type %s, expected %s", t.Name, t.Type, writableTypes)
	}
	if len(t.Shape) == 0 || len(t.Shape) > maxDims || slices.ContainsFunc(t.Shape, func(d int) bool { return d <= 0 }) {
		return fault.New(fault.Invalid, "tensor %q has shape %v, expected 1 to %d sizes above 0", t.Name, t.Shape, maxDims)
	}
	if row := t.Shape[len(t.Shape)-1]; row%values != 0 {
		return fault.New(fault.Invalid, "tensor %q has rows of %d values, expected a multiple of %d for type %s", t.Name, row, values, t.Type)
	}
	return nil
}

// encodeHeader gives all that stands before the tensor data, padded, and where in the data each tensor begins, with the end
// of the last.
func encodeHeader(path string, metadata []Entry, tensors []Planned) (header []byte, offsets []int64, err error) {
	header = append(header, magic...)
	header = binary.LittleEndian.AppendUint32(header, 3)
	header = binary.LittleEndian.AppendUint64(header, uint64(len(tensors)))
	header = binary.LittleEndian.AppendUint64(header, uint64(len(metadata)))
	seen := map[string]bool{}
	for _, entry := range metadata {
		if entry.Key == "" || seen[entry.Key] || entry.Key == alignmentKey {
			return nil, nil, fault.New(fault.Invalid, "write %s: metadata key %q: expected each key once, and none for the alignment", path, entry.Key)
		}
		seen[entry.Key] = true
		if header, err = appendValue(appendText(header, entry.Key), entry.Value); err != nil {
			return nil, nil, fmt.Errorf("write %s: metadata key %q: %w", path, entry.Key, err)
		}
	}
	offsets = []int64{0}
	names := map[string]bool{}
	for i, t := range tensors {
		if err := t.check(); err != nil {
			return nil, nil, fmt.Errorf("write %s: %w", path, err)
		}
		if t.Name == "" || names[t.Name] {
			return nil, nil, fault.New(fault.Invalid, "write %s: tensor name %q: expected each name once", path, t.Name)
		}
		names[t.Name] = true
		header = binary.LittleEndian.AppendUint32(appendText(header, t.Name), uint32(len(t.Shape)))
		for _, d := range slices.Backward(t.Shape) {
			header = binary.LittleEndian.AppendUint64(header, uint64(d))
		}
		header = binary.LittleEndian.AppendUint32(header, uint32(t.Type))
		header = binary.LittleEndian.AppendUint64(header, uint64(offsets[i]))
		offsets = append(offsets, aligned(offsets[i]+t.sizeBytes()))
	}
	return append(header, make([]byte, aligned(int64(len(header)))-int64(len(header)))...), offsets, nil
}

func aligned(n int64) int64 { return (n + defaultAlignment - 1) / defaultAlignment * defaultAlignment }

// appendText writes a length of 64 bits and the bytes.
func appendText(dst []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint64(dst, uint64(len(text))), text...)
}

// appendValue writes a value with its type.
func appendValue(dst []byte, v any) ([]byte, error) {
	kind := func(k valueKind) []byte { return binary.LittleEndian.AppendUint32(dst, uint32(k)) }
	array := func(k valueKind, n int) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(kind(kindArray), uint32(k)), uint64(n))
	}
	switch v := v.(type) {
	case string:
		return appendText(kind(kindString), v), nil
	case bool:
		if v {
			return append(kind(kindBool), 1), nil
		}
		return append(kind(kindBool), 0), nil
	case uint32:
		return binary.LittleEndian.AppendUint32(kind(kindUint32), v), nil
	case int32:
		return binary.LittleEndian.AppendUint32(kind(kindInt32), uint32(v)), nil
	case uint64:
		return binary.LittleEndian.AppendUint64(kind(kindUint64), v), nil
	case float32:
		return binary.LittleEndian.AppendUint32(kind(kindFloat32), math.Float32bits(v)), nil
	case []string:
		dst = array(kindString, len(v))
		for _, text := range v {
			dst = appendText(dst, text)
		}
		return dst, nil
	case []int32:
		dst = array(kindInt32, len(v))
		for _, n := range v {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		}
		return dst, nil
	case []float32:
		dst = array(kindFloat32, len(v))
		for _, x := range v {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
		}
		return dst, nil
	}
	return nil, fault.New(fault.Invalid, "a value of Go's type %T has no place in a GGUF file", v)
}
