//go:build torch

package tensor

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// DType is an element type, numbered as torch's ScalarType.
type DType int

const (
	Uint8    DType = 0
	Int32    DType = 3
	Int64    DType = 4
	Float16  DType = 5
	Float32  DType = 6
	Float64  DType = 7
	BFloat16 DType = 15
)

// Size is the number of bytes of one element.
func (d DType) Size() int {
	switch d {
	case Uint8:
		return 1
	case Float16, BFloat16:
		return 2
	case Int32, Float32:
		return 4
	default:
		return 8
	}
}

func (d DType) String() string {
	switch d {
	case Uint8:
		return "uint8"
	case Int32:
		return "int32"
	case Int64:
		return "int64"
	case Float16:
		return "float16"
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case BFloat16:
		return "bfloat16"
	}
	return fmt.Sprintf("dtype(%d)", int(d))
}

// Tensor is a handle to a libtorch tensor. It lives until its scope ends, or until Free when it is pinned.
type Tensor struct {
	c      libtch.Ctensor
	engine *Engine
	kept   bool
	pinned bool
}

// adopt makes a handle for a tensor that C gave us, in the current scope.
func (e *Engine) adopt(c libtch.Ctensor) *Tensor {
	t := &Tensor{c: c, engine: e}
	e.live = append(e.live, t)
	e.count++
	return t
}

// Keep lets the tensor outlive the current scope: it passes to the enclosing one.
func (t *Tensor) Keep() *Tensor {
	t.kept = true
	return t
}

// Pin takes the tensor out of all scopes: it lives until Free. Parameters and moments are pinned.
func (t *Tensor) Pin() *Tensor {
	if t.pinned {
		return t
	}
	live := t.engine.live
	for i := len(live) - 1; i >= 0; i-- {
		if live[i] == t {
			t.engine.live = slices.Delete(live, i, i+1)
			break
		}
	}
	t.pinned = true
	return t
}

// Free ends a tensor now: a pinned one, or one of the innermost scope that is not needed until its end.
func (t *Tensor) Free() {
	if t.c == nil {
		return
	}
	t.Pin()
	t.engine.free([]libtch.Ctensor{t.c})
	t.c = nil
}

// Shape gives the sizes.
func (t *Tensor) Shape() []int64 {
	shape := make([]int64, libtch.AtDim(t.c))
	if len(shape) > 0 {
		libtch.AtShape(t.c, unsafe.Pointer(&shape[0]))
	}
	return shape
}

// Size gives one size; a negative dim counts from the end.
func (t *Tensor) Size(dim int) int64 {
	shape := t.Shape()
	if dim < 0 {
		dim += len(shape)
	}
	return shape[dim]
}

// Numel is the number of elements.
func (t *Tensor) Numel() int64 {
	n := int64(1)
	for _, d := range t.Shape() {
		n *= d
	}
	return n
}

// DType gives the element type.
func (t *Tensor) DType() DType { return DType(libtch.AtScalarType(t.c)) }

// Engine gives the engine the tensor lives on.
func (t *Tensor) Engine() *Engine { return t.engine }

func (t *Tensor) describe() string {
	if t.c == nil {
		return "freed"
	}
	return fmt.Sprintf("%s%v", t.DType(), t.Shape())
}
