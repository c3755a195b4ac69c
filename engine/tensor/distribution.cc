// Log-probabilities and entropy of a linear head in chunks of rows, and the derivative of each log-probability by its row: what
// a loss needs that is a function of log-probabilities.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "border.h"
#include "native.h"

namespace elara {
namespace {

struct Wanted {
  at::Tensor logprobs, entropy, slope;  // slope: undefined where it is not wanted
};

// With p = softmax(h w^T): log p[target], -sum p log p, and d log p[target] / d h = w[target] - p w.
void distribution_rows(const Wanted& to, const at::Tensor& h, const at::Tensor& w, const at::Tensor& target, int64_t start, int64_t n) {
  at::Tensor part = h.narrow(0, start, n), logits = at::mm(part, w.t()).to(at::kFloat);
  at::Tensor logp = at::_log_softmax(logits, 1, false), own = target.narrow(0, start, n).unsqueeze(1);
  at::Tensor p = logp.exp();
  to.logprobs.narrow(0, start, n).copy_(logp.gather(1, own).squeeze(1));
  to.entropy.narrow(0, start, n).copy_(logp.mul_(p).sum(1).neg_());
  if (!to.slope.defined()) return;
  p.neg_().scatter_add_(1, own, at::ones_like(own, p.options()));
  at::Tensor rows = to.slope.narrow(0, start, n);
  at::mm_out(rows, p.to(w.scalar_type()), w);
}

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_linear_log_probs(el_tensor* logprobs, el_tensor* entropy, el_tensor* slope, el_tensor h, el_tensor w, el_tensor targets, int64_t chunk) {
  return guarded([&] {
    c10::NoGradGuard none;
    const at::Tensor &tw = T(w), &tt = T(targets);
    at::Tensor th = T(h).contiguous();
    TORCH_CHECK(th.dim() == 2 && tw.dim() == 2 && th.size(1) == tw.size(1) && th.scalar_type() == tw.scalar_type(), "h ", th.scalar_type(), th.sizes(), ", head ", tw.scalar_type(), tw.sizes(), ", expected [rows, width] and [vocabulary, width] of one type");
    TORCH_CHECK(tt.dim() == 1 && tt.size(0) == th.size(0) && tt.scalar_type() == at::kLong, "targets ", tt.sizes(), ", expected int64 [", th.size(0), "]");
    TORCH_CHECK(th.size(0) > 0 && chunk > 0, "no rows");
    TORCH_CHECK(tt.min().item<int64_t>() >= 0 && tt.max().item<int64_t>() < tw.size(0), "a target lies outside the vocabulary of ", tw.size(0));
    auto numbers = th.options().dtype(at::kFloat);
    Wanted to{at::empty({th.size(0)}, numbers), at::empty({th.size(0)}, numbers), slope != nullptr ? at::empty_like(th) : at::Tensor()};
    for (int64_t start = 0; start < th.size(0); start += chunk) distribution_rows(to, th, tw, tt, start, std::min(chunk, th.size(0) - start));
    *logprobs = own(to.logprobs);
    *entropy = own(to.entropy);
    if (slope != nullptr) *slope = own(to.slope);
  });
}

}  // extern "C"
