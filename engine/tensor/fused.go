//go:build torch

package tensor

// #include "native.h"
import "C"

import "unsafe"

// Linear is x W^T + bias. x: [tokens, in], w: [out, in], bias: [out] or nil.
func Linear(x, w, bias *Tensor) *Tensor {
	var out C.el_tensor
	check("linear", C.el_linear(&out, ptr(x), ptr(w), ptr(bias)), x, w, bias)
	return x.engine.native(out)
}

// Branch is the low-rank path of one adapter beside a frozen weight, on the rows [Begin, End) of the stream.
type Branch struct {
	A, B       *Tensor // float32 [r, in], [out, r]
	Scale      float64
	Dropout    float64 // probability; 0: none. The mask is a function of Key and the place among the branch's rows only
	Key        Key
	Begin, End int64
}

// LoRALinear is x W^T + bias over a frozen W, and on each branch's rows + scale * dropout(x) A^T B^T (Hu et al., arXiv
// 2106.09685). x: [tokens, in], w: [out, in], bias: [out] or nil.
func LoRALinear(x, w, bias *Tensor, branches []Branch) *Tensor {
	list, operands := branchList(branches)
	var out C.el_tensor
	check("lora_linear", C.el_lora_linear(&out, ptr(x), ptr(w), ptr(bias), unsafe.SliceData(list), C.int(len(list))), append(operands, x, w, bias)...)
	return x.engine.native(out)
}

// branchList gives the branches as C reads them, and their tensors.
func branchList(branches []Branch) (list []C.el_branch, operands []*Tensor) {
	for _, b := range branches {
		list = append(list, C.el_branch{a: ptr(b.A), b: ptr(b.B), begin: C.int64_t(b.Begin), end: C.int64_t(b.End), scale: C.double(b.Scale), p: C.double(b.Dropout), key: C.uint64_t(b.Key)})
		operands = append(operands, b.A, b.B)
	}
	return list, operands
}

// RowNorms gives the 2-norm of each row of w + scale * b a, float32 [out], as a constant of the backward pass.
// w: [out, in], a: float32 [r, in], b: float32 [out, r].
func RowNorms(w, a, b *Tensor, scale float64) *Tensor {
	var out C.el_tensor
	check("row_norms", C.el_row_norms(&out, ptr(w), ptr(a), ptr(b), C.double(scale)), w, a, b)
	return w.engine.native(out)
}

// Dropout zeroes each element with probability p and scales the rest by 1/(1-p); the mask is a function of key and position.
func (t *Tensor) Dropout(p float64, key Key) *Tensor {
	var out C.el_tensor
	check("dropout", C.el_dropout(&out, ptr(t), C.double(p), C.uint64_t(key)), t)
	return t.engine.native(out)
}

// RMSNorm is weight * x / sqrt(mean(x²) + eps) over the last dimension.
func (t *Tensor) RMSNorm(weight *Tensor, eps float64) *Tensor {
	var out C.el_tensor
	check("rms_norm", C.el_rms_norm(&out, ptr(t), ptr(weight), C.double(eps)), t, weight)
	return t.engine.native(out)
}

// Rope turns the pairs (i, i + width/2) of each head by the angle of its position.
// t: [tokens, heads, width], cos and sin: float32 [positions, width/2], positions: int64 [tokens].
func (t *Tensor) Rope(cos, sin, positions *Tensor) *Tensor {
	var out C.el_tensor
	check("rope", C.el_rope(&out, ptr(t), ptr(cos), ptr(sin), ptr(positions)), t, cos, sin, positions)
	return t.engine.native(out)
}

// SwiGLU is silu(gate) * up.
func SwiGLU(gate, up *Tensor) *Tensor {
	var out C.el_tensor
	check("swiglu", C.el_swiglu(&out, ptr(gate), ptr(up)), gate, up)
	return gate.engine.native(out)
}

// GELU is the Gaussian error linear unit in its tanh form, which GPT-2 calls gelu_new.
func (t *Tensor) GELU() *Tensor {
	var out C.el_tensor
	check("gelu", C.el_gelu(&out, ptr(t)), t)
	return t.engine.native(out)
}

// Segments says how a packed stream is cut. Segment i holds the rows Offsets[i] to Offsets[i+1] and goes on from segment
// Parents[i], an earlier one; -1 begins a sequence. A prefix that many sequences share is one segment with many that go on
// from it.
type Segments struct {
	Offsets []int64 // one more than there are segments, from 0 to the number of rows
	Parents []int64
}

// Attention lets every token see the segments that its own goes on from, and its own up to itself; with a window above 0 only
// the last so many tokens of these, itself among them. q: [tokens, heads, width], k and v: [tokens, key heads, width]. p is the
// dropout on the attention weights.
func Attention(q, k, v *Tensor, s Segments, window int64, scale, p float64, key Key) *Tensor {
	if len(s.Offsets) != len(s.Parents)+1 {
		fail("attention", "the segments have as many parents as borders but one", []*Tensor{q, k, v})
	}
	var out C.el_tensor
	check("attention", C.el_attention(&out, ptr(q), ptr(k), ptr(v), dims(s.Offsets), dims(s.Parents), C.int(len(s.Parents)), C.int64_t(window), C.double(scale), C.double(p), C.uint64_t(key)), q, k, v)
	return q.engine.native(out)
}

// LinearCrossEntropy is the cross-entropy of the logits h w^T against targets, without ever holding more than chunk rows of
// logits. h: [rows, width], w: [vocabulary, width], targets: int64 [rows], weights: float32 [rows] or nil for ones. It gives
// the weighted sum over rows, which carries the gradient, and the rows' own -log p in nats, float32 [rows], which do not.
//
// With smoothing above 0 the sum is of (1 - smoothing) * -log p + smoothing * the mean of -log p over the vocabulary; nll stays
// what it is.
func LinearCrossEntropy(h, w, targets, weights *Tensor, smoothing float64, chunk int64) (sum, nll *Tensor) {
	var s, n C.el_tensor
	check("linear_cross_entropy", C.el_linear_cross_entropy(&s, &n, ptr(h), ptr(w), ptr(targets), ptr(weights), C.double(smoothing), C.int64_t(chunk)), h, w, targets, weights)
	return h.engine.native(s), h.engine.native(n)
}

// GradNorm is the 2-norm of all gradients together, as torch.nn.utils.clip_grad_norm_ takes it.
func GradNorm(params []*Tensor) float64 {
	list := pointers(params)
	var norm C.double
	check("grad_norm", C.el_grad_norm(&norm, first(list), C.int(len(list))))
	return float64(norm)
}

// ScaleGrads multiplies all gradients by a factor.
func ScaleGrads(params []*Tensor, factor float64) {
	list := pointers(params)
	check("scale_grads", C.el_scale_grads(first(list), C.int(len(list)), C.double(factor)))
}

// AdamW takes one step of decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) by libtorch's fused kernel, the one
// that transformers' default optimiser adamw_torch_fused calls. step counts from 1. Parameters without a gradient are left alone.
func AdamW(params, m, v []*Tensor, step int64, lr, beta1, beta2, eps, weightDecay float64) {
	ps, ms, vs := pointers(params), pointers(m), pointers(v)
	check("adamw", C.el_adamw(first(ps), first(ms), first(vs), C.int(len(ps)), C.int64_t(step), C.double(lr), C.double(beta1), C.double(beta2), C.double(eps), C.double(weightDecay)))
}

func first(list []C.el_tensor) *C.el_tensor {
	if len(list) == 0 {
		return nil
	}
	return (*C.el_tensor)(unsafe.Pointer(&list[0]))
}
