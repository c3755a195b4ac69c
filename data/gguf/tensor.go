package gguf

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"elara/spec/fault"
)

// Type is how a tensor's numbers are stored, numbered as in the file.
type Type uint32

const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2  // 32 values: a float16 scale, then 4 bits each, less 8
	Q4_1 Type = 3  // 32 values: a float16 scale and minimum, then 4 bits each
	Q5_0 Type = 6  // 32 values: a float16 scale, their fifth bits, then 4 bits each, less 16
	Q8_0 Type = 8  // 32 values: a float16 scale, then a signed byte each
	Q4_K Type = 12 // 256 values: eight runs of 32, whose scales and minimums have 6 bits of a float16 one
	Q5_K Type = 13 // as Q4_K, with their fifth bits apart
	Q6_K Type = 14 // 256 values: sixteen runs of 16, whose scales are bytes of a float16 one
	BF16 Type = 30
)

const readableTypes = "F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q5_0, Q4_K, Q4_1 or Q4_0"

// String names the type as ggml does; types that are not read are named too, for the message that refuses them.
func (t Type) String() string {
	switch t {
	case F32:
		return "F32"
	case F16:
		return "F16"
	case Q4_0:
		return "Q4_0"
	case Q4_1:
		return "Q4_1"
	case Q5_0:
		return "Q5_0"
	case Q8_0:
		return "Q8_0"
	case BF16:
		return "BF16"
	case 7:
		return "Q5_1"
	case 9:
		return "Q8_1"
	case 10, 11, Q4_K, Q5_K, Q6_K, 15:
		return fmt.Sprintf("Q%d_K", t-8)
	}
	return fmt.Sprintf("number %d", uint32(t))
}

// BlockValues is how many values of a row the type stores together; a row must be a multiple of it. Zero for a type that
// is neither read nor written.
func (t Type) BlockValues() int {
	values, _ := t.block()
	return int(values)
}

// block is how many values the type stores together, and in how many bytes. Zero for a type that is not read.
func (t Type) block() (values, bytes uint64) {
	switch t {
	case F32:
		return 1, 4
	case F16, BF16:
		return 1, 2
	case Q4_0:
		return blockValues, 2 + blockValues/2
	case Q4_1:
		return blockValues, 2 + 2 + blockValues/2
	case Q5_0:
		return blockValues, 2 + 4 + blockValues/2
	case Q8_0:
		return blockValues, 2 + blockValues
	case Q4_K:
		return superValues, uint64(fourBits().blockBytes())
	case Q5_K:
		return superValues, uint64(fiveBits().blockBytes())
	case Q6_K:
		return superValues, sixBytes
	}
	return 0, 0
}

// Tensor describes one tensor of the file.
type Tensor struct {
	Name  string
	Shape []int // row-major, the fastest dimension last, as PyTorch has it: the reverse of the file's
	Type  Type

	elements  uint64
	sizeBytes uint64
	offset    uint64 // in the tensor data until placeTensors, in the file afterwards
}

// Elements is the product of the shape.
func (t Tensor) Elements() int { return int(t.elements) }

// SizeBytes is how much of the file it takes.
func (t Tensor) SizeBytes() int { return int(t.sizeBytes) }

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

const maxDims = 4 // ggml's own limit

// readTensorInfo reads one tensor's description and checks all of it but its place.
func (f *File) readTensorInfo(c *cursor) error {
	name, err := c.name("a tensor name")
	if err != nil {
		return err
	}
	if _, twice := f.byName[name]; twice {
		return corruptAt(f.path, "tensor %q appears twice, expected once", name)
	}
	what := fmt.Sprintf("the description of tensor %q", name)
	dims, err := c.uint32(what)
	if err != nil {
		return err
	}
	if dims > maxDims {
		return corruptAt(f.path, "tensor %q has %d dimensions, expected at most %d", name, dims, maxDims)
	}
	t := Tensor{Name: name, Shape: make([]int, dims), elements: 1}
	for i := range dims {
		n, err := c.uint64(what)
		if err != nil {
			return err
		}
		overflow, product := bits.Mul64(t.elements, n)
		if n == 0 || overflow != 0 || product > math.MaxInt {
			return corruptAt(f.path, "tensor %q has size %d in dimension %d, expected at least 1 and a product below 2^63", name, n, i)
		}
		t.elements = product
		t.Shape[dims-1-i] = int(n)
	}
	number, err := c.uint32(what)
	if err != nil {
		return err
	}
	t.Type = Type(number)
	if t.offset, err = c.uint64(what); err != nil {
		return err
	}
	if err := f.sizeTensor(&t); err != nil {
		return err
	}
	f.byName[name] = len(f.tensors)
	f.tensors = append(f.tensors, t)
	return nil
}

// sizeTensor works out how many bytes the tensor takes.
func (f *File) sizeTensor(t *Tensor) error {
	values, bytes := t.Type.block()
	if values == 0 {
		return fault.At(f.path, 0, "tensor %q has type %s, expected %s", t.Name, t.Type, readableTypes)
	}
	row := uint64(1)
	if len(t.Shape) > 0 {
		row = uint64(t.Shape[len(t.Shape)-1])
	}
	if row%values != 0 {
		return corruptAt(f.path, "tensor %q of type %s has rows of %d values, expected a multiple of %d", t.Name, t.Type, row, values)
	}
	overflow, size := bits.Mul64(t.elements/values, bytes)
	if overflow != 0 || size > math.MaxInt {
		return corruptAt(f.path, "tensor %q has %d values of type %s, expected a size below 2^63 bytes", t.Name, t.elements, t.Type)
	}
	t.sizeBytes = size
	return nil
}

// placeTensors turns offsets into places in the file and refuses tensors that are not aligned, leave the file or
// overlap. The tensor data begins at the first aligned byte after the header.
func (f *File) placeTensors(headerEnd, alignment uint64) error {
	if len(f.tensors) == 0 {
		return nil
	}
	size := uint64(len(f.contents))
	dataStart := (headerEnd + alignment - 1) &^ (alignment - 1)
	order := make([]int, len(f.tensors))
	for i := range f.tensors {
		order[i] = i
		t := &f.tensors[i]
		if t.offset%alignment != 0 {
			return corruptAt(f.path, "tensor %q lies at offset %d, expected a multiple of %d", t.Name, t.offset, alignment)
		}
		if dataStart > size || t.offset > size-dataStart || t.sizeBytes > size-dataStart-t.offset {
			return corruptAt(f.path, "tensor %q needs %d bytes at offset %d of the tensor data, expected it to end within the file's %d bytes",
				t.Name, t.sizeBytes, t.offset, size)
		}
		t.offset += dataStart
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(f.tensors[a].offset, f.tensors[b].offset) })
	for i := 1; i < len(order); i++ {
		before, after := f.tensors[order[i-1]], f.tensors[order[i]]
		if before.offset+before.sizeBytes > after.offset {
			return corruptAt(f.path, "tensor %q at byte %d overlaps tensor %q of %d bytes at byte %d, expected them apart",
				after.Name, after.offset, before.Name, before.sizeBytes, before.offset)
		}
	}
	return nil
}
