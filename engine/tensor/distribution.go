//go:build torch

package tensor

// #include "native.h"
import "C"

// LinearLogProbs gives, for the logits h w^T and in nats, the log-probability of each row's target and the entropy of the row's
// distribution, both float32 [rows], without ever holding more than chunk rows of logits. h: [rows, width], w: [vocabulary,
// width], targets: int64 [rows].
//
// With slopes it also gives the derivative of each log-probability by its row of h, [rows, width] of h's type, else nil. None of
// them carries a gradient: the derivative of a loss by the log-probabilities, times slope row by row, is what BackwardWith sends
// back from h. w counts as a constant.
func LinearLogProbs(h, w, targets *Tensor, chunk int64, slopes bool) (logProbs, entropy, slope *Tensor) {
	var l, n, s C.el_tensor
	want := &s
	if !slopes {
		want = nil
	}
	check("linear_log_probs", C.el_linear_log_probs(&l, &n, want, ptr(h), ptr(w), ptr(targets), C.int64_t(chunk)), h, w, targets)
	logProbs, entropy = h.engine.native(l), h.engine.native(n)
	if slopes {
		slope = h.engine.native(s)
	}
	return logProbs, entropy, slope
}
