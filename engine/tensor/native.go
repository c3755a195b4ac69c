//go:build torch

package tensor

// #cgo CXXFLAGS: -std=c++17 -O3 -fopenmp -Wno-psabi
// #cgo LDFLAGS: -lgomp
// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"strings"
	"unsafe"

	"github.com/sugarme/gotch/libtch"

	"elara/spec/fault"
)

// check turns a message of the C++ side into a panic with the operation's name and operands.
func check(op string, message *C.char, operands ...*Tensor) {
	if message == nil {
		return
	}
	text := C.GoString(message)
	C.free(unsafe.Pointer(message))
	fail(op, text, operands)
}

// ptr passes a tensor to C; nil passes as NULL, which the C side reads as "none".
func ptr(t *Tensor) C.el_tensor {
	if t == nil {
		return nil
	}
	return C.el_tensor(unsafe.Pointer(t.c))
}

// native adopts what a C function of ours wrote.
func (e *Engine) native(c C.el_tensor) *Tensor { return e.adopt(libtch.Ctensor(unsafe.Pointer(c))) }

// freeAll ends tensors.
func freeAll(list []libtch.Ctensor) {
	if len(list) > 0 {
		C.el_free((*C.el_tensor)(unsafe.Pointer(&list[0])), C.int(len(list)))
	}
}

func pointers(list []*Tensor) []C.el_tensor {
	out := make([]C.el_tensor, len(list))
	for i, t := range list {
		out[i] = ptr(t)
	}
	return out
}

// start prepares the calling thread for an engine's work.
func start(o Options, gpu int) error {
	portable := 0
	if o.Portable {
		portable = 1
	}
	return refused(C.el_start(C.int(o.Threads), C.int(gpu), C.int(portable)), o.Device)
}

// refused makes an error of what a device's library said, or nil of nothing.
func refused(message *C.char, device string) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	first, _, _ := strings.Cut(C.GoString(message), "\n")
	return fault.WithHint(fault.New(fault.Invalid, "device %s: %s", device, first), "elara doctor says which GPUs there are; the device cpu needs none")
}

// Trim gives freed memory back to the operating system. The engine keeps it otherwise, because the next step needs it again.
func (e *Engine) Trim() { check("trim", C.el_trim(C.int(e.gpu))) }

// Threads is how many cores libtorch uses for one operation.
func (e *Engine) Threads() int { return int(C.el_get_threads()) }

func dims(shape []int64) *C.int64_t {
	if len(shape) == 0 {
		return nil
	}
	return (*C.int64_t)(unsafe.Pointer(&shape[0]))
}

// Wait returns when all that was asked of the device is done. A GPU works behind the calls; the CPU has nothing to wait for.
func (e *Engine) Wait() {
	if e.gpu >= 0 {
		check("wait", C.el_synchronize(C.int(e.gpu)))
	}
}

// PeakMemory is the most that tensors have held on a GPU, in bytes; 0 on the CPU, whose tensors are part of the process.
func (e *Engine) PeakMemory() int64 {
	var bytes C.int64_t
	if e.gpu >= 0 {
		check("peak_memory", C.el_peak_memory(&bytes, C.int(e.gpu)))
	}
	return int64(bytes)
}

// Zeros makes a tensor of zeros on the engine's device.
func (e *Engine) Zeros(dtype DType, shape ...int64) *Tensor {
	var out C.el_tensor
	check("zeros", C.el_empty(&out, dims(shape), C.int(len(shape)), C.int(dtype), C.int(e.gpu)))
	return e.native(out)
}

// FromBytes copies raw little-endian elements into a new tensor on the engine's device; data must hold exactly the shape's elements.
func (e *Engine) FromBytes(data []byte, dtype DType, shape ...int64) *Tensor {
	n := int64(dtype.Size())
	for _, d := range shape {
		n *= d
	}
	var out C.el_tensor
	if int64(len(data)) != n {
		fail("from_bytes", "the data's length does not fit the shape", nil)
	}
	var from unsafe.Pointer
	if len(data) > 0 {
		from = unsafe.Pointer(&data[0])
	}
	check("from_bytes", C.el_from_data(&out, from, dims(shape), C.int(len(shape)), C.int(dtype), C.int(e.gpu)))
	return e.native(out)
}

// FromFloat32 copies the values into a float32 tensor.
func (e *Engine) FromFloat32(values []float32, shape ...int64) *Tensor {
	return e.FromBytes(bytesOf(values), Float32, shape...)
}

// FromInt64 copies the values into an int64 tensor [len(values)].
func (e *Engine) FromInt64(values []int64) *Tensor {
	return e.FromBytes(bytesOf(values), Int64, int64(len(values)))
}

func bytesOf[E float32 | int64 | float64](values []E) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}

// Bytes copies the elements out, row-major and little-endian.
func (t *Tensor) Bytes() []byte {
	data := make([]byte, t.Numel()*int64(t.DType().Size()))
	if len(data) > 0 {
		check("to_host", C.el_to_host(ptr(t), unsafe.Pointer(&data[0]), C.size_t(len(data))), t)
	}
	return data
}

// Float32s copies the values out of a float32 tensor; other types are converted first.
func (t *Tensor) Float32s() []float32 {
	if t.DType() != Float32 {
		t = t.To(Float32)
	}
	values := make([]float32, t.Numel())
	if len(values) > 0 {
		check("to_host", C.el_to_host(ptr(t), unsafe.Pointer(&values[0]), C.size_t(4*len(values))), t)
	}
	return values
}

// Scalar reads a tensor of one element.
func (t *Tensor) Scalar() float64 { return float64(t.Float32s()[0]) }

// RequireGrad marks a leaf whose gradient the backward pass collects.
func (t *Tensor) RequireGrad() *Tensor {
	check("requires_grad", C.el_set_requires_grad(ptr(t), 1), t)
	return t
}

// Grad is the collected gradient, or nil where there is none.
func (t *Tensor) Grad() *Tensor {
	var out C.el_tensor
	check("grad", C.el_grad(&out, ptr(t)), t)
	if out == nil {
		return nil
	}
	return t.engine.native(out)
}

// ZeroGrad drops the collected gradient.
func (t *Tensor) ZeroGrad() { check("zero_grad", C.el_zero_grad(ptr(t)), t) }

// Backward adds the gradients of a scalar to every leaf it depends on.
func (t *Tensor) Backward() { check("backward", C.el_backward(ptr(t), nil), t) }

// BackwardWith goes on from a tensor whose own gradient is known, of the same shape.
func (t *Tensor) BackwardWith(grad *Tensor) {
	check("backward", C.el_backward(ptr(t), ptr(grad)), t, grad)
}

// RequiresGrad reports whether a backward pass would reach a leaf through this tensor.
func (t *Tensor) RequiresGrad() bool { return libtch.AtRequiresGrad(t.c) }
