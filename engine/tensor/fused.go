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

// LoRALinear is x W^T + bias + scale * dropout(x) A^T B^T over a frozen W (Hu et al., arXiv 2106.09685).
// x: [tokens, in], w: [out, in], bias: [out] or nil, a: [r, in], b: [out, r]. A probability p of 0 means no dropout; the mask is a
// function of key and position only.
func LoRALinear(x, w, bias, a, b *Tensor, scale, p float64, key Key) *Tensor {
	var out C.el_tensor
	check("lora_linear", C.el_lora_linear(&out, ptr(x), ptr(w), ptr(bias), ptr(a), ptr(b), C.double(scale), C.double(p), C.uint64_t(key)), x, w, bias, a, b)
	return x.engine.native(out)
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

// Attention lets every token see its own segment up to itself. q: [tokens, heads, width], k and v: [tokens, key heads, width];
// offsets are the segments' borders from 0 to tokens. p is the dropout on the attention weights.
func Attention(q, k, v *Tensor, offsets []int64, scale, p float64, key Key) *Tensor {
	var out C.el_tensor
	check("attention", C.el_attention(&out, ptr(q), ptr(k), ptr(v), dims(offsets), C.int(len(offsets)), C.double(scale), C.double(p), C.uint64_t(key)), q, k, v)
	return q.engine.native(out)
}

// CacheStore writes the rows of x into a cache. cache: [slots, positions, key heads, width], x: [n, key heads, width].
func CacheStore(cache, x *Tensor, slot, position []int64) {
	check("cache_store", C.el_cache_store(ptr(cache), ptr(x), dims(slot), dims(position), C.int(len(slot))), cache, x)
}

// CacheAttention lets row i of q see the first length[i] positions of slot[i]. q: [n, heads, width].
func CacheAttention(q, k, v *Tensor, slot, length []int64, scale float64) *Tensor {
	var out C.el_tensor
	check("cache_attention", C.el_cache_attention(&out, ptr(q), ptr(k), ptr(v), dims(slot), dims(length), C.int(len(slot)), C.double(scale)), q, k, v)
	return q.engine.native(out)
}

// LinearCrossEntropy is the cross-entropy of the logits h w^T against targets, without ever holding more than chunk rows of
// logits. h: [rows, width], w: [vocabulary, width], targets: int64 [rows]. It gives the sum over rows, which carries the
// gradient, and the rows' own -log p in nats, float32 [rows], which do not.
func LinearCrossEntropy(h, w, targets *Tensor, chunk int64) (sum, nll *Tensor) {
	var s, n C.el_tensor
	check("linear_cross_entropy", C.el_linear_cross_entropy(&s, &n, ptr(h), ptr(w), ptr(targets), C.int64_t(chunk)), h, w, targets)
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
