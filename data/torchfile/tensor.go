package torchfile

import (
	"math"
	"slices"
)

const (
	maxDims = 64 // torch's own limit

	// maxRepeated is how large a tensor may become that shows the same numbers many times, as expand makes them. Beyond it
	// a tensor is never larger than its storage.
	maxRepeated = 16 << 20
)

// Tensor describes one tensor of a file.
type Tensor struct {
	Name  string
	DType DType
	Shape []int64

	// Storage names the run of numbers that the tensor looks at. Tensors with one Storage share memory, as tied weights do.
	Storage string

	root     *storage
	first    int64 // number of root at which the tensor begins
	strides  []int64
	elements int64
}

// Elements is the product of the shape.
func (t Tensor) Elements() int64 { return t.elements }

// SizeBytes is how many bytes its numbers take, row by row.
func (t Tensor) SizeBytes() int64 { return t.elements * t.DType.Size() }

// contiguous reports whether the numbers lie in the storage as they are handed out. A dimension of one number may have
// any stride.
func (t Tensor) contiguous() bool {
	expected := int64(1)
	for i := len(t.Shape) - 1; i >= 0; i-- {
		if t.Shape[i] != 1 && t.strides[i] != expected {
			return t.elements == 0
		}
		expected *= t.Shape[i]
	}
	return true
}

// span is how many numbers of the storage lie between the first and the last that the tensor looks at, both included.
func (t Tensor) span() int64 {
	if t.elements == 0 {
		return 0
	}
	last := int64(0)
	for i, n := range t.Shape {
		last += (n - 1) * t.strides[i]
	}
	return last + 1
}

// rebuild makes a tensor of (storage, first, shape, strides), followed in the second version by requires_grad, hooks and
// perhaps by marks such as "conj".
func (m *machine) rebuild(args tuple) (*Tensor, error) {
	if len(args) != 4 && len(args) != 6 && len(args) != 7 {
		return nil, m.invalid("the pickle makes a tensor of %d parts", len(args))
	}
	part, isRegion := args[0].(*region)
	first, isFirst := args[1].(int64)
	shape, okShape := wholeNumbers(args[2])
	strides, okStrides := wholeNumbers(args[3])
	if !isRegion || !isFirst || !okShape || !okStrides || len(shape) != len(strides) || first < 0 {
		return nil, m.corrupt("the pickle makes a tensor of parts that do not fit together")
	}
	if len(args) > 4 && !noHooks(args[5]) || len(args) > 6 && !noHooks(args[6]) {
		return nil, m.invalid("the pickle makes a tensor with hooks, or a conjugated or negated one,")
	}
	m.made += len(shape) + len(strides)
	t := &Tensor{
		DType: part.root.dtype, Shape: shape, Storage: part.root.key,
		root: part.root, first: part.first + first, strides: strides, elements: 1,
	}
	for _, n := range shape {
		if n != 0 && t.elements > math.MaxInt64/8/n {
			return nil, m.corrupt("the pickle makes a tensor of shape %v", shape)
		}
		t.elements *= n
	}
	if !inside(shape, strides, first, part.count) {
		return nil, m.corrupt("a tensor of shape %v and strides %v at number %d leaves its storage of %d numbers", shape, strides, first, part.count)
	}
	if t.SizeBytes() > max(part.root.bytes(), maxRepeated) {
		return nil, m.invalid("a tensor of shape %v repeats the %d numbers of its storage", shape, part.count)
	}
	return t, nil
}

// inside reports whether all numbers lie in a storage of count numbers. A tensor without numbers looks at none.
func inside(shape, strides []int64, first, count int64) bool {
	if slices.Contains(shape, 0) {
		return true
	}
	last := first
	for i, n := range shape {
		if n > 1 && strides[i] > (math.MaxInt64-last)/(n-1) {
			return false
		}
		last += (n - 1) * strides[i]
	}
	return last < count
}

// wholeNumbers reads a tuple of sizes or strides; none is negative.
func wholeNumbers(v value) ([]int64, bool) {
	items, ok := v.(tuple)
	if !ok || len(items) > maxDims {
		return nil, false
	}
	out := make([]int64, len(items))
	for i, item := range items {
		n, ok := item.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}
