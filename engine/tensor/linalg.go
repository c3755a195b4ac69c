//go:build torch

package tensor

// #include "native.h"
import "C"

// SVD gives u [rows, k], s [k] in descending order and vh [k, columns], k being the smaller side of a matrix, which is
// u diag(s) vh. The signs of a pair of columns of u and rows of vh are LAPACK's choice.
func (t *Tensor) SVD() (u, s, vh *Tensor) {
	var out [3]C.el_tensor
	check("svd", C.el_svd(&out[0], &out[1], &out[2], ptr(t)), t)
	return t.engine.native(out[0]), t.engine.native(out[1]), t.engine.native(out[2])
}

// QR gives q [rows, k] with orthonormal columns and an upper triangular r [k, columns], k being the smaller side of a matrix,
// which is q r.
func (t *Tensor) QR() (q, r *Tensor) {
	var out [2]C.el_tensor
	check("qr", C.el_qr(&out[0], &out[1], ptr(t)), t)
	return t.engine.native(out[0]), t.engine.native(out[1])
}

// Hollow makes a tensor that has a shape and takes the memory of one element. It stands where the elements are not needed yet;
// Become fills it.
func (e *Engine) Hollow(dtype DType, shape ...int64) *Tensor {
	var out C.el_tensor
	check("hollow", C.el_hollow(&out, dims(shape), C.int(len(shape)), C.int(dtype), C.int(e.gpu)))
	return e.native(out)
}

// Become lets t stand for the elements of another tensor of its shape and type, and lets go of those it had. No data moves.
func (t *Tensor) Become(other *Tensor) { check("become", C.el_become(ptr(t), ptr(other)), t, other) }
