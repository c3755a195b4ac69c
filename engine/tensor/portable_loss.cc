// Cross-entropy of a linear head in chunks of rows, for any device.
#include <torch/csrc/autograd/custom_function.h>

#include "border.h"
#include "portable.h"

namespace elara::portable {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// As in the fused form the gradients are made in the forward pass, where the logits are at hand, and the backward pass scales
// them: in float32, because a scaled loss sends more than float16 can hold.
struct LinearCrossEntropy : public Function<LinearCrossEntropy> {
  // float16 loses what is below 6e-8, which is where most of a large vocabulary's probabilities lie.
  static double lift(at::ScalarType type) { return type == at::kHalf ? 256.0 : 1.0; }

  static tensor_list forward(AutogradContext* ctx, const at::Tensor& h, const at::Tensor& w, const at::Tensor& target,
                             const std::optional<at::Tensor>& weight, double smoothing, int64_t chunk, bool grad) {
    int64_t rows = h.size(0), vocab = w.size(0);
    bool need_h = grad && h.requires_grad(), need_w = grad && w.requires_grad();
    std::vector<at::Tensor> nlls, losses, dhs;
    at::Tensor dh, dw;
    if (need_w) dw = at::zeros_like(w, w.options().dtype(at::kFloat));
    for (int64_t start = 0; start < rows; start += chunk) {
      int64_t n = std::min(chunk, rows - start);
      at::Tensor part = h.narrow(0, start, n), hit = target.narrow(0, start, n).unsqueeze(1);
      at::Tensor logits = at::mm(part, w.t()).to(at::kFloat), lse = logits.logsumexp(-1, true);
      nlls.push_back(lse.sub(logits.gather(1, hit)).squeeze_(1));
      losses.push_back(nlls.back());
      if (smoothing > 0) losses.back() = nlls.back().mul(1 - smoothing).add_(lse.sub(logits.mean(-1, true)).squeeze_(1), smoothing);
      if (!need_h && !need_w) continue;
      at::Tensor g = logits.sub_(lse).exp_().sub_(smoothing / static_cast<double>(vocab));  // of the logits
      g.scatter_(1, hit, g.gather(1, hit).sub_(1 - smoothing));
      if (weight.has_value()) g.mul_(weight->narrow(0, start, n).unsqueeze(1));
      g = g.mul_(lift(h.scalar_type())).to(h.scalar_type());
      if (need_h) dhs.push_back(at::mm(g, w));
      if (need_w) dw.add_(at::mm(g.t(), part));
    }
    if (need_h) dh = at::cat(dhs);
    at::Tensor nll = at::cat(nlls), loss = at::cat(losses);
    ctx->save_for_backward({dh, dw});
    ctx->saved_data["type"] = h.scalar_type();
    ctx->mark_non_differentiable({nll});
    if (weight.has_value()) loss = loss.mul(*weight);
    return {loss.sum(at::kDouble).to(at::kFloat), nll};
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list g) {
    auto saved = ctx->get_saved_variables();
    auto type = ctx->saved_data["type"].toScalarType();
    auto scaled = [&](const at::Tensor& d) { return d.defined() ? d.to(at::kFloat).mul_(g[0].div(lift(type))).to(type) : at::Tensor(); };
    tensor_list out{scaled(saved[0]), scaled(saved[1])};
    out.resize(7);
    return out;
  }
};

}  // namespace

std::vector<at::Tensor> linear_cross_entropy(const at::Tensor& h, const at::Tensor& w, const at::Tensor& targets,
                                             const std::optional<at::Tensor>& weights, double smoothing, int64_t chunk) {
  check_float(h, "h");
  return LinearCrossEntropy::apply(h, w, targets, weights, smoothing, chunk, at::GradMode::is_enabled());
}

}  // namespace elara::portable
