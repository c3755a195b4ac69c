// Row-wise layers of the Llama family in one pass each: RMSNorm, rotary positions, SwiGLU.
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "border.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// RMSNorm (Zhang and Sennrich, arXiv 1910.07467): y = w * x / sqrt(mean(x^2) + eps), row by row.
template <class S>
EL_INLINE void rms_rows(const S* x, const S* w, S* y, float* rstd, int64_t d, float eps, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    const S* xr = x + row * d;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < d; i++) sum += load(xr + i) * load(xr + i);
    float r = 1.0f / std::sqrt(sum / static_cast<float>(d) + eps);
    rstd[row] = r;
    for (int64_t i = 0; i < d; i++) store(y + row * d + i, load(w + i) * (load(xr + i) * r));
  }
}
EL_CLONES void rms_rows_f32(const float* x, const float* w, float* y, float* rstd, int64_t d, float eps, int64_t b, int64_t e) {
  rms_rows(x, w, y, rstd, d, eps, b, e);
}
EL_CLONES void rms_rows_bf16(const bf16* x, const bf16* w, bf16* y, float* rstd, int64_t d, float eps, int64_t b, int64_t e) {
  rms_rows(x, w, y, rstd, d, eps, b, e);
}

// dx = r * (g*w - xhat * mean(g*w*xhat)), xhat = x*r.
template <class S>
EL_INLINE void rms_back(const S* g, const S* x, const S* w, const float* rstd, S* dx, int64_t d, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    const S *gr = g + row * d, *xr = x + row * d;
    float r = rstd[row], dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < d; i++) dot += load(gr + i) * load(w + i) * load(xr + i);
    float c = dot * r * r / static_cast<float>(d);
    for (int64_t i = 0; i < d; i++) store(dx + row * d + i, r * (load(gr + i) * load(w + i) - load(xr + i) * c));
  }
}
EL_CLONES void rms_back_f32(const float* g, const float* x, const float* w, const float* rstd, float* dx, int64_t d, int64_t b, int64_t e) {
  rms_back(g, x, w, rstd, dx, d, b, e);
}
EL_CLONES void rms_back_bf16(const bf16* g, const bf16* x, const bf16* w, const float* rstd, bf16* dx, int64_t d, int64_t b, int64_t e) {
  rms_back(g, x, w, rstd, dx, d, b, e);
}

struct RmsNorm : public Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& input, const at::Tensor& w, double eps) {
    check_float(input, "x");
    at::Tensor x = input.contiguous();
    int64_t d = x.size(-1), rows = x.numel() / d;
    TORCH_CHECK(w.dim() == 1 && w.size(0) == d && w.scalar_type() == x.scalar_type(), "weight is ", w.scalar_type(), w.sizes(), ", expected ", x.scalar_type(), " [", d, "]");
    at::Tensor y = at::empty_like(x), rstd = at::empty({rows}, x.options().dtype(at::kFloat));
    at::parallel_for(0, rows, 32, [&](int64_t b, int64_t e) {
      float f = static_cast<float>(eps);
      if (is_bf16(x)) {
        rms_rows_bf16(x.data_ptr<bf16>(), w.data_ptr<bf16>(), y.data_ptr<bf16>(), rstd.data_ptr<float>(), d, f, b, e);
      } else {
        rms_rows_f32(x.data_ptr<float>(), w.data_ptr<float>(), y.data_ptr<float>(), rstd.data_ptr<float>(), d, f, b, e);
      }
    });
    ctx->save_for_backward({x, w, rstd});
    ctx->saved_data["need_w"] = w.requires_grad();
    return y;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &w = saved[1], &rstd = saved[2];
    at::Tensor g = grads[0].contiguous(), dx = at::empty_like(x), dw;
    int64_t d = x.size(-1), rows = x.numel() / d;
    at::parallel_for(0, rows, 32, [&](int64_t b, int64_t e) {
      if (is_bf16(x)) {
        rms_back_bf16(g.data_ptr<bf16>(), x.data_ptr<bf16>(), w.data_ptr<bf16>(), rstd.data_ptr<float>(), dx.data_ptr<bf16>(), d, b, e);
      } else {
        rms_back_f32(g.data_ptr<float>(), x.data_ptr<float>(), w.data_ptr<float>(), rstd.data_ptr<float>(), dx.data_ptr<float>(), d, b, e);
      }
    });
    if (ctx->saved_data["need_w"].toBool()) {
      dw = (g.to(at::kFloat) * x.to(at::kFloat)).reshape({rows, d}).mul_(rstd.unsqueeze(1)).sum(0).to(w.scalar_type());
    }
    return {dx, dw, at::Tensor()};
  }
};

// Rotary positions in the half-split order of Hugging Face: pair i is (x[i], x[i + D/2]).
// x: [T, H, D]; cos, sin: [positions, D/2] float32; sign -1 turns back.
template <class S>
EL_INLINE void rope_rows(const S* x, S* y, const float* cos, const float* sin, const int64_t* pos, int64_t heads, int64_t half,
                         float sign, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; t++) {
    const float *c = cos + pos[t] * half, *s = sin + pos[t] * half;
    for (int64_t h = 0; h < heads; h++) {
      const S* xr = x + (t * heads + h) * 2 * half;
      S* yr = y + (t * heads + h) * 2 * half;
      for (int64_t i = 0; i < half; i++) {
        float a = load(xr + i), b = load(xr + half + i), si = sign * s[i];
        store(yr + i, a * c[i] - b * si);
        store(yr + half + i, b * c[i] + a * si);
      }
    }
  }
}
EL_CLONES void rope_f32(const float* x, float* y, const float* c, const float* s, const int64_t* pos, int64_t h, int64_t half, float sign, int64_t b, int64_t e) {
  rope_rows(x, y, c, s, pos, h, half, sign, b, e);
}
EL_CLONES void rope_bf16(const bf16* x, bf16* y, const float* c, const float* s, const int64_t* pos, int64_t h, int64_t half, float sign, int64_t b, int64_t e) {
  rope_rows(x, y, c, s, pos, h, half, sign, b, e);
}

at::Tensor rotate(const at::Tensor& input, const at::Tensor& cos, const at::Tensor& sin, const at::Tensor& positions, float sign) {
  at::Tensor x = input.contiguous(), y = at::empty_like(x);
  int64_t heads = x.size(1), half = x.size(2) / 2;
  at::parallel_for(0, x.size(0), 16, [&](int64_t b, int64_t e) {
    const float *c = cos.data_ptr<float>(), *s = sin.data_ptr<float>();
    const int64_t* pos = positions.data_ptr<int64_t>();
    if (is_bf16(x)) {
      rope_bf16(x.data_ptr<bf16>(), y.data_ptr<bf16>(), c, s, pos, heads, half, sign, b, e);
    } else {
      rope_f32(x.data_ptr<float>(), y.data_ptr<float>(), c, s, pos, heads, half, sign, b, e);
    }
  });
  return y;
}

struct Rope : public Function<Rope> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, const at::Tensor& positions) {
    check_float(x, "x");
    TORCH_CHECK(x.dim() == 3 && x.size(2) % 2 == 0, "x is ", x.sizes(), ", expected [tokens, heads, even width]");
    TORCH_CHECK(cos.is_contiguous() && sin.is_contiguous() && cos.scalar_type() == at::kFloat && sin.scalar_type() == at::kFloat && cos.sizes() == sin.sizes() && cos.dim() == 2 && cos.size(1) * 2 == x.size(2), "cos ", cos.sizes(), " and sin ", sin.sizes(), " do not fit x ", x.sizes());
    TORCH_CHECK(positions.dim() == 1 && positions.size(0) == x.size(0) && positions.scalar_type() == at::kLong && positions.is_contiguous(), "positions are ", positions.sizes(), ", expected int64 [", x.size(0), "]");
    if (x.size(0) > 0) {
      const int64_t* at = positions.data_ptr<int64_t>();
      auto [least, most] = std::minmax_element(at, at + x.size(0));
      TORCH_CHECK(*least >= 0 && *most < cos.size(0), "position ", *most, " lies beyond the table of ", cos.size(0));
    }
    ctx->save_for_backward({cos, sin, positions});
    return rotate(x, cos, sin, positions, 1.0f);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list g) {
    auto saved = ctx->get_saved_variables();
    return {rotate(g[0], saved[0], saved[1], saved[2], -1.0f), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

// SwiGLU (Shazeer, arXiv 2002.05202): silu(gate) * up.
template <class S>
EL_INLINE void swiglu_range(const S* g, const S* u, S* y, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    float x = load(g + i);
    store(y + i, x / (1.0f + exp_f(-x)) * load(u + i));
  }
}
EL_CLONES void swiglu_f32(const float* g, const float* u, float* y, int64_t b, int64_t e) { swiglu_range(g, u, y, b, e); }
EL_CLONES void swiglu_bf16(const bf16* g, const bf16* u, bf16* y, int64_t b, int64_t e) { swiglu_range(g, u, y, b, e); }

template <class S>
EL_INLINE void swiglu_back(const S* gy, const S* g, const S* u, S* dg, S* du, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    float x = load(g + i), o = load(gy + i);
    float s = 1.0f / (1.0f + exp_f(-x));
    store(du + i, o * x * s);
    store(dg + i, o * load(u + i) * s * (1.0f + x * (1.0f - s)));
  }
}
EL_CLONES void swiglu_back_f32(const float* gy, const float* g, const float* u, float* dg, float* du, int64_t b, int64_t e) {
  swiglu_back(gy, g, u, dg, du, b, e);
}
EL_CLONES void swiglu_back_bf16(const bf16* gy, const bf16* g, const bf16* u, bf16* dg, bf16* du, int64_t b, int64_t e) {
  swiglu_back(gy, g, u, dg, du, b, e);
}

struct SwiGlu : public Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate, const at::Tensor& up) {
    check_float(gate, "gate");
    TORCH_CHECK(gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type(), "gate is ", gate.sizes(), ", up is ", up.sizes());
    at::Tensor g = gate.contiguous(), u = up.contiguous(), y = at::empty_like(g);
    at::parallel_for(0, g.numel(), 1 << 14, [&](int64_t b, int64_t e) {
      if (is_bf16(g)) {
        swiglu_bf16(g.data_ptr<bf16>(), u.data_ptr<bf16>(), y.data_ptr<bf16>(), b, e);
      } else {
        swiglu_f32(g.data_ptr<float>(), u.data_ptr<float>(), y.data_ptr<float>(), b, e);
      }
    });
    ctx->save_for_backward({g, u});
    return y;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &g = saved[0], &u = saved[1];
    at::Tensor gy = grads[0].contiguous(), dg = at::empty_like(g), du = at::empty_like(u);
    at::parallel_for(0, g.numel(), 1 << 14, [&](int64_t b, int64_t e) {
      if (is_bf16(g)) {
        swiglu_back_bf16(gy.data_ptr<bf16>(), g.data_ptr<bf16>(), u.data_ptr<bf16>(), dg.data_ptr<bf16>(), du.data_ptr<bf16>(), b, e);
      } else {
        swiglu_back_f32(gy.data_ptr<float>(), g.data_ptr<float>(), u.data_ptr<float>(), dg.data_ptr<float>(), du.data_ptr<float>(), b, e);
      }
    });
    return {dg, du};
  }
};

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_rms_norm(el_tensor* out, el_tensor x, el_tensor w, double eps) {
  return guarded([&] { *out = own(portable::wanted(T(x)) ? portable::rms_norm(T(x), T(w), eps) : RmsNorm::apply(T(x), T(w), eps)); });
}

char* el_rope(el_tensor* out, el_tensor x, el_tensor cos, el_tensor sin, el_tensor positions) {
  return guarded([&] { *out = own(portable::wanted(T(x)) ? portable::rope(T(x), T(cos), T(sin), T(positions)) : Rope::apply(T(x), T(cos), T(sin), T(positions))); });
}

char* el_gelu(el_tensor* out, el_tensor x) {
  return guarded([&] { *out = own(at::gelu(T(x), "tanh")); });
}

char* el_swiglu(el_tensor* out, el_tensor gate, el_tensor up) {
  return guarded([&] { *out = own(portable::wanted(T(gate)) ? portable::swiglu(T(gate), T(up)) : SwiGlu::apply(T(gate), T(up))); });
}

}  // extern "C"
