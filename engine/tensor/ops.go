//go:build torch

package tensor

import "C"

import (
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// result adopts what a libtch operation wrote. An operation that failed has written nothing, and libtch holds its message:
// asking for it only then saves a call into C for every operation that went well.
func (e *Engine) result(op string, out libtch.Ctensor, operands ...*Tensor) *Tensor {
	if out == nil {
		complain(op, operands...)
	}
	return e.adopt(out)
}

// complain panics when libtch has an error waiting.
func complain(op string, operands ...*Tensor) {
	if message := libtch.GetAndResetLastErr(); message != nil {
		check(op, (*C.char)(unsafe.Pointer(message)), operands...)
	}
}

// Add is t + other, with broadcasting.
func (t *Tensor) Add(other *Tensor) *Tensor {
	var out libtch.Ctensor
	libtch.AtgAdd(&out, t.c, other.c)
	return t.engine.result("add", out, t, other)
}

// Sub is t - other, with broadcasting.
func (t *Tensor) Sub(other *Tensor) *Tensor {
	var out libtch.Ctensor
	libtch.AtgSub(&out, t.c, other.c)
	return t.engine.result("sub", out, t, other)
}

// Mul is the elementwise product, with broadcasting.
func (t *Tensor) Mul(other *Tensor) *Tensor {
	var out libtch.Ctensor
	libtch.AtgMul(&out, t.c, other.c)
	return t.engine.result("mul", out, t, other)
}

// Div is the elementwise quotient, with broadcasting.
func (t *Tensor) Div(other *Tensor) *Tensor {
	var out libtch.Ctensor
	libtch.AtgDiv(&out, t.c, other.c)
	return t.engine.result("div", out, t, other)
}

// Scale multiplies by a number.
func (t *Tensor) Scale(factor float64) *Tensor {
	scalar := libtch.AtsFloat(factor)
	defer libtch.AtsFree(scalar)
	var out libtch.Ctensor
	libtch.AtgMulScalar(&out, t.c, scalar)
	return t.engine.result("scale", out, t)
}

// MatMul is torch.matmul.
func (t *Tensor) MatMul(other *Tensor) *Tensor {
	var out libtch.Ctensor
	libtch.AtgMatmul(&out, t.c, other.c)
	return t.engine.result("matmul", out, t, other)
}

// T swaps the two dimensions of a matrix; no data moves.
func (t *Tensor) T() *Tensor {
	var out libtch.Ctensor
	libtch.AtgT(&out, t.c)
	return t.engine.result("t", out, t)
}

// To converts the element type; the tensor itself comes back as a new handle where it fits already.
func (t *Tensor) To(dtype DType) *Tensor {
	var out libtch.Ctensor
	libtch.AtgTotype(&out, t.c, int32(dtype))
	return t.engine.result("to", out, t)
}

// View gives the same elements another shape.
func (t *Tensor) View(shape ...int64) *Tensor {
	var out libtch.Ctensor
	libtch.AtgReshape(&out, t.c, shape, len(shape))
	return t.engine.result("view", out, t)
}

// Narrow takes length rows from start on along a dimension; no data moves.
func (t *Tensor) Narrow(dim, start, length int64) *Tensor {
	var out libtch.Ctensor
	libtch.AtgNarrow(&out, t.c, dim, start, length)
	return t.engine.result("narrow", out, t)
}

// Contiguous lays the elements out row by row.
func (t *Tensor) Contiguous() *Tensor {
	var out libtch.Ctensor
	libtch.AtgContiguous(&out, t.c)
	return t.engine.result("contiguous", out, t)
}

// Detach gives the same elements without what led to them.
func (t *Tensor) Detach() *Tensor {
	var out libtch.Ctensor
	libtch.AtgDetach(&out, t.c)
	return t.engine.result("detach", out, t)
}

// Rows takes the rows of a matrix named by an int64 index [n]: [rows, width] -> [n, width].
func (t *Tensor) Rows(index *Tensor) *Tensor {
	var out libtch.Ctensor
	libtch.AtgIndexSelect(&out, t.c, 0, index.c)
	return t.engine.result("rows", out, t, index)
}

// Cat joins tensors along a dimension.
func Cat(dim int64, parts ...*Tensor) *Tensor {
	list := make([]libtch.Ctensor, len(parts))
	for i, p := range parts {
		list[i] = p.c
	}
	var out libtch.Ctensor
	libtch.AtgCat(&out, list, len(list), dim)
	return parts[0].engine.result("cat", out, parts...)
}

// Mean averages along a dimension, keeping it with size 1.
func (t *Tensor) Mean(dim int64) *Tensor {
	var out libtch.Ctensor
	libtch.AtgMeanDim(&out, t.c, []int64{dim}, 1, 1, int32(t.DType()))
	return t.engine.result("mean", out, t)
}

// LayerNorm normalises the last dimension and applies weight and bias [width].
func (t *Tensor) LayerNorm(weight, bias *Tensor, eps float64) *Tensor {
	var out libtch.Ctensor
	libtch.AtgLayerNorm(&out, t.c, []int64{t.Size(-1)}, 1, weight.c, bias.c, eps, 0)
	return t.engine.result("layer_norm", out, t, weight, bias)
}

// Copy overwrites t with the elements of from, converting the type.
func (t *Tensor) Copy(from *Tensor) {
	libtch.AtCopy_(t.c, from.c)
	complain("copy", t, from)
}
