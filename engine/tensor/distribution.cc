// Log-probabilities and entropy of a linear head in chunks of rows, and the derivative of each log-probability by its row: what
// a loss needs that is a function of log-probabilities.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "border.h"
#include "head.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"
#include "product.h"

namespace elara {
namespace {

// With p = softmax(h w^T): log p[target], -sum p log p, and d log p[target] / d h = w[target] - p w.
struct Wanted {
  at::Tensor logprobs, entropy, slope;  // slope: undefined where it is not wanted
};

// In ATen's operations, for any device.
void portable_rows(const Wanted& to, const at::Tensor& h, const at::Tensor& w, const at::Tensor& target, int64_t start, int64_t n) {
  at::Tensor part = h.narrow(0, start, n), logits = product(part, w.t()).to(at::kFloat);
  at::Tensor logp = at::_log_softmax(logits, 1, false), own = target.narrow(0, start, n).unsqueeze(1);
  at::Tensor p = logp.exp();
  to.logprobs.narrow(0, start, n).copy_(logp.gather(1, own).squeeze(1));
  to.entropy.narrow(0, start, n).copy_(logp.mul_(p).sum(1).neg_());
  if (!to.slope.defined()) return;
  p.neg_().scatter_add_(1, own, at::ones_like(own, p.options()));
  at::Tensor rows = to.slope.narrow(0, start, n);
  product_into(rows, p.to(w.scalar_type()), w);
}

// What the rows of one chunk are measured against, and where the results go.
struct Rows {
  const int64_t* target;
  float *logprobs, *entropy;
  int64_t vocab;
  bool slope;
};

// With z = row - max(row): log p = z - log(sum e^z), and the entropy is log(sum e^z) - sum z e^z / sum e^z. With slope the row
// becomes the target's unit vector less p.
template <class S>
EL_INLINE void distribution_rows(S* logits, const Rows& to, int64_t begin, int64_t end) {
  int64_t vocab = to.vocab;
  for (int64_t r = begin; r < end; r++) {
    S* row = logits + r * vocab;
    Mass of = mass_of<true>(row, vocab);
    double log_sum = std::log(of.sum);
    float lse = of.most + static_cast<float>(log_sum);
    int64_t target = to.target[r];
    float own = load(row + target);
    to.logprobs[r] = own - lse;
    to.entropy[r] = static_cast<float>(log_sum - of.moment / of.sum);
    if (!to.slope) continue;
    for (int64_t i = 0; i < vocab; i++) store(row + i, -exp_f(load(row + i) - lse));
    store(row + target, 1.0f - exp_f(own - lse));
  }
}
EL_CLONES void distribution_f32(float* logits, const Rows& to, int64_t b, int64_t e) { distribution_rows(logits, to, b, e); }
EL_CLONES void distribution_bf16(bf16* logits, const Rows& to, int64_t b, int64_t e) { distribution_rows(logits, to, b, e); }

void fused_rows(const Wanted& to, const at::Tensor& h, const at::Tensor& w, const at::Tensor& target, int64_t start, int64_t n) {
  at::Tensor logits = product(h.narrow(0, start, n), w.t());
  Rows rows{target.data_ptr<int64_t>() + start, to.logprobs.data_ptr<float>() + start, to.entropy.data_ptr<float>() + start, w.size(0), to.slope.defined()};
  at::parallel_for(0, n, 1, [&](int64_t b, int64_t e) {
    if (is_bf16(logits)) {
      distribution_bf16(logits.data_ptr<bf16>(), rows, b, e);
    } else {
      distribution_f32(logits.data_ptr<float>(), rows, b, e);
    }
  });
  if (!to.slope.defined()) return;
  at::Tensor slope = to.slope.narrow(0, start, n);
  product_into(slope, logits, w);
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
    if (!portable::wanted(th)) check_float(th, "h");
    check_head("h's", th, tw);
    check_ids("targets", tt, 1, th.size(0), tw.size(0));
    TORCH_CHECK(chunk > 0, "chunks of ", chunk, " rows");
    auto numbers = th.options().dtype(at::kFloat);
    Wanted to{at::empty({th.size(0)}, numbers), at::empty({th.size(0)}, numbers), slope != nullptr ? at::empty_like(th) : at::Tensor()};
    auto rows = portable::wanted(th) ? portable_rows : fused_rows;
    for (int64_t start = 0; start < th.size(0); start += chunk) rows(to, th, tw, tt, start, std::min(chunk, th.size(0) - start));
    *logprobs = own(to.logprobs);
    *entropy = own(to.entropy);
    if (slope != nullptr) *slope = own(to.slope);
  });
}

}  // extern "C"
