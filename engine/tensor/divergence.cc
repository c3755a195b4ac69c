// Divergence of a linear head's distribution from a teacher's in chunks of rows: the logits of neither stream ever exist at once.
#include <torch/csrc/autograd/custom_function.h>

#include "border.h"
#include "head.h"
#include "native.h"
#include "product.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// What a student is held to: what the teacher's head reads and that head, or its top words and their log-probabilities, of which
// the last is that of all other words together.
struct Teacher {
  at::Tensor hidden, head, ids, logprobs;
};

struct Shares {
  double beta, temperature, share;
};

at::Tensor head_rows(const at::Tensor& h, const at::Tensor& w, int64_t start, int64_t n) { return product(h.narrow(0, start, n), w.t()).to(at::kFloat); }

// log of what the words that ids leave out have together. In the log, because 1 - sum loses all digits where it is small.
at::Tensor tail(const at::Tensor& logp, const at::Tensor& ids) { return logp.scatter(1, ids, -INFINITY).logsumexp(1, true); }

// The rows' generalised Jensen-Shannon divergence and its derivative by each log-probability of the student (Agarwal et al., arXiv
// 2306.13649, equation 1, as TRL has it). s, t: log-probabilities [rows, classes] of student and teacher.
std::pair<at::Tensor, at::Tensor> divergence_rows(const at::Tensor& s, const at::Tensor& t, double beta) {
  if (beta == 0) {
    at::Tensor p = t.exp();
    return {(t - s).mul_(p).sum(1), p.neg()};
  }
  at::Tensor q = s.exp();
  if (beta == 1) {
    at::Tensor gap = s - t, each = q * gap;
    return {each.sum(1), each.add_(q)};
  }
  at::Tensor mixture = at::logaddexp(s + std::log1p(-beta), t + std::log(beta));
  at::Tensor by = (s - mixture).mul_(q).mul_(1 - beta);  // those of the mixture's own share in m cancel
  at::Tensor value = (t - mixture).mul_(t.exp()).sum(1).mul_(beta).add_(by.sum(1));
  return {value, by};
}

// The rows' divergence, -log p[target], and the derivative of share * divergence + (1 - share) * -log p[target] by the logits.
struct Judged {
  at::Tensor divergence, nll, slope;
};

Judged judge(const at::Tensor& logits, const Teacher& to, const at::Tensor& target, const Shares& d, int64_t start, int64_t n, bool grad) {
  Judged out;
  at::Tensor logq = at::_log_softmax(logits / d.temperature, 1, false), by;
  if (to.head.defined()) {
    at::Tensor logt = at::_log_softmax(head_rows(to.hidden, to.head, start, n).div_(d.temperature), 1, false);
    std::tie(out.divergence, by) = divergence_rows(logq, logt, d.beta);
  } else {
    at::Tensor ids = to.ids.narrow(0, start, n), rest = tail(logq, ids);
    at::Tensor coarse = at::cat({logq.gather(1, ids), rest}, 1), of_class;
    std::tie(out.divergence, of_class) = divergence_rows(coarse, to.logprobs.narrow(0, start, n), d.beta);
    int64_t k = ids.size(1);
    if (grad) by = (logq - rest).exp_().mul_(of_class.narrow(1, k, 1)).scatter_(1, ids, of_class.narrow(1, 0, k));
  }
  at::Tensor logp = d.temperature == 1 ? logq : at::_log_softmax(logits, 1, false), own = target.narrow(0, start, n).unsqueeze(1);
  out.nll = logp.gather(1, own).squeeze(1).neg();
  if (!grad) return out;
  at::Tensor all = by.sum(1, true);
  out.slope = by.sub_(logq.exp().mul_(all)).mul_(d.share / d.temperature);
  if (d.share == 1) return out;
  at::Tensor plain = logp.exp();
  plain.scatter_add_(1, own, at::full_like(own, -1, plain.options()));
  out.slope.add_(plain, 1 - d.share);
  return out;
}

// The gradients are made in the forward pass, as in loss.cc.
struct LinearDivergence : public Function<LinearDivergence> {
  static tensor_list forward(AutogradContext* ctx, const at::Tensor& h_, const at::Tensor& w, const at::Tensor& target,
                             const std::optional<at::Tensor>& weight, const Teacher& to, const Shares& d, int64_t chunk, bool grad) {
    at::Tensor h = h_.contiguous();
    int64_t rows = h.size(0);
    bool need_h = grad && h_.requires_grad(), need_w = grad && w.requires_grad();
    at::Tensor divergence = at::empty({rows}, h.options().dtype(at::kFloat)), nll = at::empty_like(divergence), dh, dw;
    if (need_h) dh = at::empty_like(h);
    if (need_w) dw = at::zeros_like(w);
    for (int64_t start = 0; start < rows; start += chunk) {
      int64_t n = std::min(chunk, rows - start);
      Judged rows_of = judge(head_rows(h, w, start, n), to, target, d, start, n, need_h || need_w);
      divergence.narrow(0, start, n).copy_(rows_of.divergence);
      nll.narrow(0, start, n).copy_(rows_of.nll);
      if (!rows_of.slope.defined()) continue;
      if (weight.has_value()) rows_of.slope.mul_(weight->narrow(0, start, n).unsqueeze(1));
      at::Tensor slope = rows_of.slope.to(w.scalar_type());
      if (need_h) {
        at::Tensor part = dh.narrow(0, start, n);
        product_into(part, slope, w);
      }
      if (need_w) add_product(dw, slope.t(), h.narrow(0, start, n));
    }
    ctx->save_for_backward({dh, dw});
    ctx->mark_non_differentiable({divergence, nll});
    at::Tensor loss = divergence.mul(d.share).add_(nll, 1 - d.share);
    if (weight.has_value()) loss.mul_(*weight);
    return {loss.sum(at::kDouble).to(at::kFloat), divergence, nll};
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list g) {
    auto saved = ctx->get_saved_variables();
    at::Tensor dh = saved[0].defined() ? saved[0].mul(g[0].to(saved[0].scalar_type())) : at::Tensor();
    at::Tensor dw = saved[1].defined() ? saved[1].mul(g[0].to(saved[1].scalar_type())) : at::Tensor();
    return {dh, dw, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_linear_divergence(el_tensor* sum, el_tensor* divergence, el_tensor* nll, el_tensor h, el_tensor w, el_tensor targets,
                           el_tensor weights, const el_teacher* teacher, double beta, double temperature, double share, int64_t chunk) {
  return guarded([&] {
    const at::Tensor &th = T(h), &tw = T(w), &tt = T(targets);
    check_head("student's", th, tw);
    check_ids("targets", tt, 1, th.size(0), tw.size(0));
    Teacher to;
    if (teacher->head != nullptr) {
      to.hidden = T(teacher->hidden);
      to.head = T(teacher->head);
      check_head("teacher's", to.hidden, to.head);
      TORCH_CHECK(to.hidden.size(0) == th.size(0) && to.head.size(0) == tw.size(0), "teacher ", to.hidden.size(0), " rows of ", to.head.size(0), " words, student ", th.size(0), " of ", tw.size(0));
    } else {
      to.ids = T(teacher->ids);
      to.logprobs = T(teacher->log_probs);
      check_ids("teacher's words", to.ids, 2, th.size(0), tw.size(0));
      TORCH_CHECK(to.logprobs.dim() == 2 && to.logprobs.size(0) == th.size(0) && to.logprobs.size(1) == to.ids.size(1) + 1 && to.ids.size(1) < tw.size(0), "teacher's log-probabilities ", to.logprobs.sizes(), ", expected one more than words ", to.ids.sizes());
    }
    TORCH_CHECK(chunk > 0 && temperature > 0 && beta >= 0 && beta <= 1 && share >= 0 && share <= 1, "beta ", beta, ", temperature ", temperature, ", share ", share);
    std::optional<at::Tensor> each;
    if (weights != nullptr) each = T(weights);
    auto result = LinearDivergence::apply(th, tw, tt, each, to, Shares{beta, temperature, share}, chunk, at::GradMode::is_enabled());
    *sum = own(result[0]);
    *divergence = own(result[1]);
    *nll = own(result[2]);
  });
}

char* el_linear_top_log_probs(el_tensor* ids, el_tensor* log_probs, el_tensor h, el_tensor w, int64_t k, double temperature, int64_t chunk) {
  return guarded([&] {
    c10::NoGradGuard none;
    const at::Tensor &th = T(h), &tw = T(w);
    check_head("teacher's", th, tw);
    int64_t rows = th.size(0);
    TORCH_CHECK(chunk > 0 && temperature > 0 && k > 0 && k < tw.size(0), "the top ", k, " of ", tw.size(0), " words");
    at::Tensor words = at::empty({rows, k}, th.options().dtype(at::kLong)), each = at::empty({rows, k + 1}, th.options().dtype(at::kFloat));
    for (int64_t start = 0; start < rows; start += chunk) {
      int64_t n = std::min(chunk, rows - start);
      at::Tensor logp = at::_log_softmax(head_rows(th, tw, start, n).div_(temperature), 1, false);
      auto [best, at] = logp.topk(k, 1);
      words.narrow(0, start, n).copy_(at);
      each.narrow(0, start, n).copy_(at::cat({best, tail(logp, at)}, 1));
    }
    *ids = own(words);
    *log_probs = own(each);
  });
}

}  // extern "C"
