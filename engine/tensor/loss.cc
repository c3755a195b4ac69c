// Cross-entropy of a linear head in chunks of rows: the logits of the whole stream never exist at once.
#include <torch/csrc/autograd/custom_function.h>

#include "border.h"
#include "head.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"
#include "product.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// What the rows of one chunk are measured against, and where the results go.
struct Rows {
  const int64_t* target;
  const float* weight;  // or null: ones
  float *nll, *loss;    // one and the same without smoothing
  int64_t vocab;
  float smoothing;
  bool grad;
};

template <class S>
EL_INLINE double row_sum(const S* row, int64_t n) {
  double sum = 0;
  for (int64_t block = 0; block < n; block += 1024) {
    int64_t stop = block + 1024 < n ? block + 1024 : n;
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (int64_t i = block; i < stop; i++) part += load(row + i);
    sum += part;
  }
  return sum;
}

// nll = logsumexp(row) - row[target]. With smoothing e the target has the share 1 - e and every word of the vocabulary e / V
// (Szegedy et al., arXiv 1512.00567, section 7): loss = (1 - e) nll + e (logsumexp(row) - mean(row)). With grad the row becomes
// weight * (softmax(row) - shares).
template <class S>
EL_INLINE void entropy_rows(S* logits, const Rows& to, int64_t begin, int64_t end) {
  int64_t vocab = to.vocab;
  for (int64_t r = begin; r < end; r++) {
    S* row = logits + r * vocab;
    Mass of = mass_of<false>(row, vocab);
    float lse = of.most + static_cast<float>(std::log(of.sum));
    int64_t target = to.target[r];
    float own = 1.0f - to.smoothing, each = to.smoothing / static_cast<float>(vocab);
    to.nll[r] = lse - load(row + target);
    if (to.smoothing > 0) {
      float mean = static_cast<float>(row_sum(row, vocab) / static_cast<double>(vocab));
      to.loss[r] = own * to.nll[r] + to.smoothing * (lse - mean);
    }
    if (!to.grad) continue;
    float w = to.weight != nullptr ? to.weight[r] : 1.0f, hit = exp_f(load(row + target) - lse);
    for (int64_t i = 0; i < vocab; i++) store(row + i, w * (exp_f(load(row + i) - lse) - each));
    store(row + target, w * (hit - own - each));
  }
}
EL_CLONES void entropy_f32(float* logits, const Rows& to, int64_t b, int64_t e) { entropy_rows(logits, to, b, e); }
EL_CLONES void entropy_bf16(bf16* logits, const Rows& to, int64_t b, int64_t e) { entropy_rows(logits, to, b, e); }

// The gradients with respect to h and w are made in the forward pass, where the logits are at hand, and scaled by the
// incoming gradient in the backward pass: exact, because the sum is linear in it (Hsu et al., arXiv 2410.10989).
struct LinearCrossEntropy : public Function<LinearCrossEntropy> {
  static tensor_list forward(AutogradContext* ctx, const at::Tensor& h_, const at::Tensor& w, const at::Tensor& target,
                             const std::optional<at::Tensor>& weight, double smoothing, int64_t chunk, bool grad) {
    at::Tensor h = h_.contiguous();
    int64_t rows = h.size(0), vocab = w.size(0);
    bool need_h = grad && h_.requires_grad(), need_w = grad && w.requires_grad();
    at::Tensor nll = at::empty({rows}, h.options().dtype(at::kFloat)), loss = smoothing > 0 ? at::empty_like(nll) : nll, dh, dw;
    if (need_h) dh = at::empty_like(h);
    if (need_w) dw = at::zeros_like(w);
    for (int64_t start = 0; start < rows; start += chunk) {
      int64_t n = std::min(chunk, rows - start);
      at::Tensor part = h.narrow(0, start, n), logits = product(part, w.t());
      at::parallel_for(0, n, 1, [&](int64_t b, int64_t e) {
        Rows to{target.data_ptr<int64_t>() + start, weight.has_value() ? weight->data_ptr<float>() + start : nullptr, nll.data_ptr<float>() + start,
                loss.data_ptr<float>() + start, vocab, static_cast<float>(smoothing), need_h || need_w};
        if (is_bf16(logits)) {
          entropy_bf16(logits.data_ptr<bf16>(), to, b, e);
        } else {
          entropy_f32(logits.data_ptr<float>(), to, b, e);
        }
      });
      if (need_h) {
        at::Tensor rows_of = dh.narrow(0, start, n);
        product_into(rows_of, logits, w);
      }
      if (need_w) add_product(dw, logits.t(), part);
    }
    ctx->save_for_backward({dh, dw});
    ctx->mark_non_differentiable({nll});
    at::Tensor sum = weight.has_value() ? loss.mul(*weight) : loss;
    return {sum.sum(at::kDouble).to(at::kFloat), nll};
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list g) {
    auto saved = ctx->get_saved_variables();
    at::Tensor dh = saved[0].defined() ? saved[0].mul(g[0].to(saved[0].scalar_type())) : at::Tensor();
    at::Tensor dw = saved[1].defined() ? saved[1].mul(g[0].to(saved[1].scalar_type())) : at::Tensor();
    return {dh, dw, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_linear_cross_entropy(el_tensor* sum, el_tensor* nll, el_tensor h, el_tensor w, el_tensor targets, el_tensor weights,
                              double smoothing, int64_t chunk) {
  return guarded([&] {
    const at::Tensor &th = T(h), &tw = T(w), &tt = T(targets);
    if (!portable::wanted(th)) check_float(th, "h");
    check_head("h's", th, tw);
    check_ids("targets", tt, 1, th.size(0), tw.size(0));
    TORCH_CHECK(chunk > 0, "chunks of ", chunk, " rows");
    TORCH_CHECK(smoothing >= 0 && smoothing < 1, "smoothing ", smoothing, " lies outside [0, 1)");
    std::optional<at::Tensor> each;
    if (weights != nullptr) {
      each = T(weights);
      TORCH_CHECK(each->dim() == 1 && each->size(0) == th.size(0) && each->scalar_type() == at::kFloat && each->is_contiguous(), "weights ", each->sizes(), ", expected float32 [", th.size(0), "]");
    }
    auto result = portable::wanted(th) ? portable::linear_cross_entropy(th, tw, tt, each, smoothing, chunk)
                                       : LinearCrossEntropy::apply(th, tw, tt, each, smoothing, chunk, at::GradMode::is_enabled());
    *sum = own(result[0]);
    *nll = own(result[1]);
  });
}

}  // extern "C"
