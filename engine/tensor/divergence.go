//go:build torch

package tensor

// #include "native.h"
import "C"

// Teacher is what a student's distributions are held to, row by row: Hidden [rows, width] and the Head [vocabulary, width] that
// reads it, or, where Head is nil, IDs, int64 [rows, k], and LogProbs, float32 [rows, k+1], as LinearTopLogProbs gives them.
type Teacher struct{ Hidden, Head, IDs, LogProbs *Tensor }

// Divergence says how far from its teacher a student is: the generalised Jensen-Shannon divergence of TRL's GKDTrainer (Agarwal et
// al., arXiv 2306.13649, equation 1), with the logits of both divided by Temperature. Beta 0 is the forward KL(teacher, student),
// 1 the reverse one. Share of the loss is the divergence, the rest -log p of the target, without temperature.
type Divergence struct{ Beta, Temperature, Share float64 }

// LinearDivergence holds the logits h w^T against a teacher and targets, without ever holding more than chunk rows of logits of
// either. h: [rows, width], w: [vocabulary, width], targets: int64 [rows], weights: float32 [rows] or nil for ones. It gives the
// weighted sum of Share * divergence + (1 - Share) * -log p over rows, which carries the gradient, and the rows' own divergences
// and -log p in nats, float32 [rows], which do not.
//
// Against a teacher's top k words the divergence is that of k+1 classes, the last being all other words together. Merging classes
// never makes a divergence larger.
func LinearDivergence(h, w, targets, weights *Tensor, t Teacher, d Divergence, chunk int64) (sum, divergence, nll *Tensor) {
	c := C.el_teacher{hidden: ptr(t.Hidden), head: ptr(t.Head), ids: ptr(t.IDs), log_probs: ptr(t.LogProbs)}
	var s, v, n C.el_tensor
	check("linear_divergence", C.el_linear_divergence(&s, &v, &n, ptr(h), ptr(w), ptr(targets), ptr(weights), &c, C.double(d.Beta), C.double(d.Temperature), C.double(d.Share), C.int64_t(chunk)), h, w, targets)
	return h.engine.native(s), h.engine.native(v), h.engine.native(n)
}

// LinearTopLogProbs gives the k most probable words of the logits h w^T / temperature, int64 [rows, k], and their log-probabilities,
// float32 [rows, k+1], of which the last is that of all other words together. h: [rows, width], w: [vocabulary, width]. It holds
// chunk rows of logits at once; nothing carries a gradient.
func LinearTopLogProbs(h, w *Tensor, k int, temperature float64, chunk int64) (ids, logProbs *Tensor) {
	var i, l C.el_tensor
	check("linear_top_log_probs", C.el_linear_top_log_probs(&i, &l, ptr(h), ptr(w), C.int64_t(k), C.double(temperature), C.int64_t(chunk)), h, w)
	return h.engine.native(i), h.engine.native(l)
}
