// Linear layers of generation: each row's result has the same bits whatever rows stand beside it (dot.h).
#include <ATen/core/grad_mode.h>

#include <vector>

#include "border.h"
#include "dot.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"

namespace elara {
namespace {

EL_CLONES void product_f32(const dot::Product& p, int64_t begin, int64_t end) { dot::product<dot::Floats, float>(p, begin, end); }
EL_CLONES void product_bf16(const dot::Product& p, int64_t begin, int64_t end) { dot::product<dot::Halves, uint16_t>(p, begin, end); }
EL_CLONES void product_bf16_f32(const dot::Product& p, int64_t begin, int64_t end) { dot::product<dot::Halves, float>(p, begin, end); }

// y = scale * x w^T + bias, or added to y. x and w have one type; y has it too, or is float32.
void multiply(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias, at::Tensor& y, double scale, bool onto) {
  static const bool pairs = dot::has_pairs();
  at::Tensor rows = is_bf16(x) && !pairs ? x.to(at::kFloat) : x;
  dot::Product p{rows.data_ptr(), w.data_ptr(), bias.defined() ? bias.data_ptr<float>() : nullptr, y.data_ptr(), x.size(0), x.size(1), w.size(0), static_cast<float>(scale), onto};
  at::parallel_for(0, (p.n + 15) / 16, 4, [&](int64_t begin, int64_t end) {
    begin *= 16;
    end = std::min(end * 16, p.n);
    if (!is_bf16(x)) {
      product_f32(p, begin, end);
    } else if (pairs) {
      dot::product_pairs(p, !is_bf16(y), begin, end);
    } else if (is_bf16(y)) {
      product_bf16(p, begin, end);
    } else {
      product_bf16_f32(p, begin, end);
    }
  });
}

at::Tensor linear_rows(const at::Tensor& input, const at::Tensor& w, const std::optional<at::Tensor>& bias, const el_branch* branches, int n, bool logits) {
  at::Tensor x = input.contiguous();
  check_float(x, "x");
  TORCH_CHECK(x.dim() == 2 && w.dim() == 2 && x.size(1) == w.size(1) && w.is_contiguous() && w.scalar_type() == x.scalar_type(), "x is ", x.scalar_type(), x.sizes(), ", w ", w.scalar_type(), w.sizes());
  at::Tensor y = at::empty({x.size(0), w.size(0)}, x.options().dtype(logits ? at::kFloat : x.scalar_type()));
  multiply(x, w, bias.has_value() ? bias->to(at::kFloat).contiguous() : at::Tensor(), y, 1, false);
  for (int i = 0; i < n; i++) {
    const el_branch& branch = branches[i];
    at::Tensor a = T(branch.a).to(x.scalar_type()), b = T(branch.b).to(x.scalar_type());
    int64_t count = branch.end - branch.begin;
    at::Tensor u = at::empty({count, a.size(0)}, x.options()), part = y.narrow(0, branch.begin, count);
    multiply(x.narrow(0, branch.begin, count), a, {}, u, 1, false);
    multiply(u, b, {}, part, branch.scale, true);
  }
  return y;
}

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_linear_rows(el_tensor* out, el_tensor x, el_tensor w, el_tensor bias, const el_branch* branches, int n, int logits) {
  return guarded([&] {
    at::NoGradGuard none;
    for (int i = 0; i < n; i++) TORCH_CHECK(branches[i].begin >= 0 && branches[i].begin < branches[i].end && branches[i].end <= T(x).size(0), "branch over rows ", branches[i].begin, " to ", branches[i].end, " of ", T(x).size(0));
    std::optional<at::Tensor> b = bias == nullptr ? std::optional<at::Tensor>() : T(bias);
    if (!portable::wanted(T(x))) return void(*out = own(linear_rows(T(x), T(w), b, branches, n, logits != 0)));
    at::Tensor y = at::linear(T(x), T(w), b);
    for (int i = 0; i < n; i++) {
      int64_t begin = branches[i].begin, count = branches[i].end - begin;
      at::Tensor u = at::mm(T(x).narrow(0, begin, count), T(branches[i].a).to(y.scalar_type()).t());
      y.narrow(0, begin, count).addmm_(u, T(branches[i].b).to(y.scalar_type()).t(), 1.0, branches[i].scale);
    }
    *out = own(logits != 0 ? y.to(at::kFloat) : y);
  });
}

}  // extern "C"
