// Linear layers: plain, with a LoRA branch, and dropout that is a pure function of (key, element).
#include <torch/csrc/autograd/custom_function.h>

#include "border.h"
#include "kernel.h"
#include "native.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

template <class S>
EL_INLINE void drop_tiles(const S* x, S* y, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  uint32_t bits[kTile];
  for (int64_t tile = begin; tile < end; tile++) {
    philox_tile(d.key, static_cast<uint64_t>(tile), bits);
    int64_t base = tile * kTile, count = std::min<int64_t>(kTile, n - base);
    for (int64_t i = 0; i < count; i++) {
      float kept = load(x + base + i) * d.scale;
      store(y + base + i, bits[i] >= d.threshold ? kept : 0.0f);
    }
  }
}
EL_CLONES void drop_f32(const float* x, float* y, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  drop_tiles(x, y, n, begin, end, d);
}
EL_CLONES void drop_bf16(const bf16* x, bf16* y, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  drop_tiles(x, y, n, begin, end, d);
}

struct DropoutFunction : public Function<DropoutFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, double p, int64_t key) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    return dropout_mask_apply(x, p, static_cast<uint64_t>(key));
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list g) {
    double p = ctx->saved_data["p"].toDouble();
    auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    return {dropout_mask_apply(g[0], p, key), at::Tensor(), at::Tensor()};
  }
};

// y = x W^T + bias + scale * drop(x) A^T B^T with W frozen. x: [T, in], W: [out, in], A: [r, in], B: [out, r].
// Only x and u = drop(x) A^T are kept for the backward pass; the dropped x is made again from its key.
struct LoraLinear : public Function<LoraLinear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias,
                            const at::Tensor& a, const at::Tensor& b, double scale, double p, int64_t key) {
    TORCH_CHECK(!w.requires_grad() && !(bias.has_value() && bias->requires_grad()), "the weight under a LoRA branch is frozen");
    at::Tensor dropped = p > 0 ? dropout_mask_apply(x, p, static_cast<uint64_t>(key)) : x;
    at::Tensor a_ = a.to(x.scalar_type()), b_ = b.to(x.scalar_type());
    at::Tensor u = at::mm(dropped, a_.t());
    at::Tensor y = bias.has_value() ? at::addmm(*bias, x, w.t()) : at::mm(x, w.t());
    y.addmm_(u, b_.t(), 1.0, scale);
    ctx->save_for_backward({x, w, a, b, u});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    ctx->saved_data["need_x"] = x.requires_grad();
    return y;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &w = saved[1], &a = saved[2], &b = saved[3], &u = saved[4];
    double scale = ctx->saved_data["scale"].toDouble(), p = ctx->saved_data["p"].toDouble();
    auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    at::Tensor gy = grads[0].contiguous();
    at::Tensor a_ = a.to(x.scalar_type()), b_ = b.to(x.scalar_type());
    at::Tensor du = at::mm(gy, b_).mul_(scale);  // [T, r]
    at::Tensor db = at::mm(gy.t(), u).to(b.scalar_type()).mul_(scale);
    at::Tensor dropped = p > 0 ? dropout_mask_apply(x, p, key) : x;
    at::Tensor da = at::mm(du.t(), dropped).to(a.scalar_type());
    at::Tensor dx;
    if (ctx->saved_data["need_x"].toBool()) {
      dx = at::mm(gy, w);
      if (p > 0) {
        dx.add_(dropout_mask_apply(at::mm(du, a_), p, key));
      } else {
        dx.addmm_(du, a_);
      }
    }
    return {dx, at::Tensor(), at::Tensor(), da, db, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor dropout_mask_apply(const at::Tensor& input, double p, uint64_t key) {
  check_float(input, "x");
  TORCH_CHECK(p >= 0 && p < 1, "dropout ", p, " lies outside [0, 1)");
  at::Tensor x = input.contiguous(), y = at::empty_like(x);
  Dropout d(p, key);
  int64_t n = x.numel(), tiles = (n + kTile - 1) / kTile;
  at::parallel_for(0, tiles, 512, [&](int64_t begin, int64_t end) {
    if (is_bf16(x)) {
      drop_bf16(x.data_ptr<bf16>(), y.data_ptr<bf16>(), n, begin, end, d);
    } else {
      drop_f32(x.data_ptr<float>(), y.data_ptr<float>(), n, begin, end, d);
    }
  });
  return y;
}

}  // namespace elara

using namespace elara;

extern "C" {

char* el_linear(el_tensor* out, el_tensor x, el_tensor w, el_tensor bias) {
  return guarded([&] { *out = own(at::linear(T(x), T(w), bias == nullptr ? std::optional<at::Tensor>() : T(bias))); });
}

char* el_lora_linear(el_tensor* out, el_tensor x, el_tensor w, el_tensor bias, el_tensor a, el_tensor b, double scale, double p,
                     uint64_t key) {
  return guarded([&] {
    *out = own(LoraLinear::apply(T(x), T(w), bias == nullptr ? std::optional<at::Tensor>() : T(bias), T(a), T(b), scale, p, static_cast<int64_t>(key)));
  });
}

char* el_dropout(el_tensor* out, el_tensor x, double p, uint64_t key) {
  return guarded([&] { *out = own(DropoutFunction::apply(T(x), p, static_cast<int64_t>(key))); });
}

}  // extern "C"
