// Linear layers: plain, with a LoRA branch, and dropout that is a pure function of (key, element).
#include <torch/csrc/autograd/custom_function.h>

#include <string>
#include <vector>

#include "border.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"
#include "product.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

template <class S>
EL_INLINE void drop_tiles(const S* x, S* y, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  uint16_t draws[kDropTile];
  uint32_t threshold = d.threshold;
  float survivor = d.scale;
  for (int64_t tile = begin; tile < end; tile++) {
    drop_tile(d.key, static_cast<uint64_t>(tile), draws);
    int64_t base = tile * kDropTile, count = std::min<int64_t>(kDropTile, n - base);
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
      float survived = load(x + base + i) * survivor;
      store(y + base + i, draws[i] >= threshold ? survived : 0.0f);
    }
  }
}
EL_CLONES void drop_f32(const float* x, float* y, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  drop_tiles(x, y, n, begin, end, d);
}
EL_CLONES void drop_bf16(const bf16* x, bf16* y, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  drop_tiles(x, y, n, begin, end, d);
}

// kept = drop(x) and dx += drop(z) in one pass over the draws, which cost more than what is done with them.
template <class S>
EL_INLINE void drop_back_tiles(const S* x, const S* z, S* kept, S* dx, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  uint16_t draws[kDropTile];
  uint32_t threshold = d.threshold;
  float survivor = d.scale;
  for (int64_t tile = begin; tile < end; tile++) {
    drop_tile(d.key, static_cast<uint64_t>(tile), draws);
    int64_t base = tile * kDropTile, count = std::min<int64_t>(kDropTile, n - base);
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
      float survived = load(x + base + i) * survivor, back = load(z + base + i) * survivor;
      store(kept + base + i, draws[i] >= threshold ? survived : 0.0f);
      store(dx + base + i, load(dx + base + i) + (draws[i] >= threshold ? back : 0.0f));
    }
  }
}
EL_CLONES void drop_back_f32(const float* x, const float* z, float* kept, float* dx, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  drop_back_tiles(x, z, kept, dx, n, begin, end, d);
}
EL_CLONES void drop_back_bf16(const bf16* x, const bf16* z, bf16* kept, bf16* dx, int64_t n, int64_t begin, int64_t end, const Dropout& d) {
  drop_back_tiles(x, z, kept, dx, n, begin, end, d);
}

// All are [tokens, width] and contiguous. The result is kept.
at::Tensor drop_back(const at::Tensor& x, const at::Tensor& z, at::Tensor& dx, double p, uint64_t key) {
  if (portable::wanted(x)) {
    dx.add_(portable::dropped(z, p, key));
    return portable::dropped(x, p, key);
  }
  at::Tensor kept = at::empty_like(x);
  Dropout d(p, key);
  int64_t n = x.numel(), tiles = (n + kDropTile - 1) / kDropTile;
  at::parallel_for(0, tiles, 128, [&](int64_t begin, int64_t end) {
    if (is_bf16(x)) {
      drop_back_bf16(x.data_ptr<bf16>(), z.data_ptr<bf16>(), kept.data_ptr<bf16>(), dx.data_ptr<bf16>(), n, begin, end, d);
    } else {
      drop_back_f32(x.data_ptr<float>(), z.data_ptr<float>(), kept.data_ptr<float>(), dx.data_ptr<float>(), n, begin, end, d);
    }
  });
  return kept;
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

// y = x W^T + bias.
struct LinearFunction : public Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias) {
    ctx->save_for_backward({w.requires_grad() ? x : at::Tensor(), x.requires_grad() ? w : at::Tensor()});
    ctx->saved_data["bias"] = bias.has_value() && bias->requires_grad();
    return affine(x, w, bias);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &w = saved[1];
    at::Tensor gy = grads[0].contiguous();
    return {w.defined() ? product(gy, w) : at::Tensor(), x.defined() ? product(gy.t(), x) : at::Tensor(), ctx->saved_data["bias"].toBool() ? gy.sum(0) : at::Tensor()};
  }
};

// One adapter's place on a linear layer: rows [begin, end) of the stream.
struct Branch {
  int64_t begin, end;
  double scale, p;
  uint64_t key;
  at::Tensor of(const at::Tensor& x) const { return x.narrow(0, begin, end - begin); }
  at::Tensor drop(const at::Tensor& x) const { return p > 0 ? dropout_mask_apply(x, p, key) : x; }
};

// y = x W^T + bias with W frozen, and on the rows of each branch + scale * drop(x) A^T B^T.
// x: [T, in], W: [out, in]; ab holds A [r, in] and B [out, r] of each branch in turn.
// Only x and u = drop(x) A^T are kept for the backward pass; the dropped x is made again from its key.
struct LoraLinear : public Function<LoraLinear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias,
                            at::TensorList ab, const std::vector<Branch>& branches) {
    TORCH_CHECK(!w.requires_grad() && !(bias.has_value() && bias->requires_grad()), "the weight under a LoRA branch is frozen");
    at::Tensor y = affine(x, w, bias);
    std::vector<at::Tensor> saved{x, w};
    for (size_t i = 0; i < branches.size(); i++) {
      const Branch& branch = branches[i];
      const at::Tensor &a = ab[2 * i], &b = ab[2 * i + 1];
      at::Tensor u = product(branch.drop(branch.of(x)), a.to(x.scalar_type()).t());  // [end - begin, r]
      add_product(branch.of(y), u, b.to(x.scalar_type()).t(), branch.scale);
      saved.insert(saved.end(), {a, b, u});
    }
    ctx->save_for_backward(saved);
    ctx->saved_data["branches"] = packed(branches);
    ctx->saved_data["need_x"] = x.requires_grad();
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &w = saved[1];
    auto branches = unpacked(ctx->saved_data["branches"].toStringRef());
    bool need_x = ctx->saved_data["need_x"].toBool();
    at::Tensor gy = grads[0].contiguous(), dx;
    if (need_x) dx = product(gy, w);
    tensor_list out{dx, at::Tensor(), at::Tensor()};
    for (size_t i = 0; i < branches.size(); i++) {
      const Branch& branch = branches[i];
      const at::Tensor &a = saved[2 + 3 * i], &b = saved[3 + 3 * i], &u = saved[4 + 3 * i];
      at::Tensor g = branch.of(gy), a_ = a.to(x.scalar_type()), b_ = b.to(x.scalar_type());
      at::Tensor du = product(g, b_).mul_(branch.scale);  // [end - begin, r]
      at::Tensor kept;  // drop(x) again
      if (need_x && branch.p > 0) {
        at::Tensor rows = branch.of(dx);
        kept = drop_back(branch.of(x).contiguous(), product(du, a_), rows, branch.p, branch.key);
      } else {
        kept = branch.drop(branch.of(x));
        if (need_x) add_product(branch.of(dx), du, a_);
      }
      out.push_back(product(du.t(), kept).to(a.scalar_type()));
      // B's gradient g^T u, made as (u^T g)^T: with the short side first the product takes half the time.
      out.push_back(product(u.t(), g).t().to(b.scalar_type(), false, true).mul_(branch.scale));
    }
    out.emplace_back();
    return out;
  }

 private:
  // autograd's context takes plain values only: the branches travel as their bytes.
  static std::string packed(const std::vector<Branch>& branches) {
    return {reinterpret_cast<const char*>(branches.data()), branches.size() * sizeof(Branch)};
  }
  static std::vector<Branch> unpacked(const std::string& bytes) {
    std::vector<Branch> branches(bytes.size() / sizeof(Branch));
    std::memcpy(static_cast<void*>(branches.data()), bytes.data(), bytes.size());
    return branches;
  }
};

}  // namespace

at::Tensor dropout_mask_apply(const at::Tensor& input, double p, uint64_t key) {
  if (portable::wanted(input)) return portable::dropped(input, p, key);
  check_float(input, "x");
  TORCH_CHECK(p >= 0 && p < 1, "dropout ", p, " lies outside [0, 1)");
  at::Tensor x = input.contiguous(), y = at::empty_like(x);
  Dropout d(p, key);
  int64_t n = x.numel(), tiles = (n + kDropTile - 1) / kDropTile;
  at::parallel_for(0, tiles, 256, [&](int64_t begin, int64_t end) {
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
  return guarded([&] { *out = own(LinearFunction::apply(T(x), T(w), bias == nullptr ? std::optional<at::Tensor>() : T(bias))); });
}

char* el_lora_linear(el_tensor* out, el_tensor x, el_tensor w, el_tensor bias, const el_branch* list, int n) {
  return guarded([&] {
    std::vector<at::Tensor> ab;
    std::vector<Branch> branches;
    for (int i = 0; i < n; i++) {
      TORCH_CHECK(list[i].begin >= 0 && list[i].begin < list[i].end && list[i].end <= T(x).size(0), "branch over rows ", list[i].begin, " to ", list[i].end, " of ", T(x).size(0));
      ab.push_back(T(list[i].a));
      ab.push_back(T(list[i].b));
      branches.push_back({list[i].begin, list[i].end, list[i].scale, list[i].p, list[i].key});
    }
    *out = own(LoraLinear::apply(T(x), T(w), bias == nullptr ? std::optional<at::Tensor>() : T(bias), at::TensorList(ab), branches));
  });
}

// The lengths count as a constant in DoRA: no graph is recorded.
char* el_row_norms(el_tensor* out, el_tensor w, el_tensor a, el_tensor b, double scale) {
  return guarded([&] {
    at::NoGradGuard constant;
    *out = own(at::linalg_vector_norm(at::addmm(T(w).to(at::kFloat), T(b), T(a), 1.0, scale), 2, at::IntArrayRef{1}));
  });
}

char* el_dropout(el_tensor* out, el_tensor x, double p, uint64_t key) {
  return guarded([&] { *out = own(DropoutFunction::apply(T(x), p, static_cast<int64_t>(key))); });
}

}  // extern "C"
