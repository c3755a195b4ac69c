// Dropout, RMSNorm, rotary positions and SwiGLU for any device.
#include <torch/csrc/autograd/custom_function.h>

#include "border.h"
#include "kernel.h"
#include "portable.h"

namespace elara::portable {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// Engines of one process are told apart by their threads. On the CPU the backward pass runs on the thread that asked for it.
thread_local bool on_the_cpu_too = false;

constexpr int64_t kWord = 0xffffffff;

// The first tiles of the fused kernels' generator (philox_tile), as int64 in [0, 2^32): [tiles, 64]. A product of two words fills
// all 64 bits: the sign is an accident, and the masks take it off.
at::Tensor philox(uint64_t key, int64_t tiles, const at::Device& device) {
  at::Tensor block = at::arange(tiles * 16, at::TensorOptions().dtype(at::kLong).device(device));
  at::Tensor c0 = block.bitwise_and(kWord), c1 = at::__rshift__(block, 32), c2 = at::zeros_like(block), c3 = c2;
  auto low = [](const at::Tensor& x) { return x.bitwise_and(kWord); };
  auto high = [](const at::Tensor& x) { return at::__rshift__(x, 32).bitwise_and_(kWord); };
  int64_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; round++) {
    at::Tensor p0 = c0.mul(0xD2511F53ll), p1 = c2.mul(0xCD9E8D57ll);
    c0 = high(p1).bitwise_xor_(c1).bitwise_xor_(k0);
    c2 = high(p0).bitwise_xor_(c3).bitwise_xor_(k1);
    c1 = low(p1);
    c3 = low(p0);
    k0 = (k0 + 0x9E3779B9ll) & kWord;
    k1 = (k1 + 0xBB67AE85ll) & kWord;
  }
  return at::stack({c0, c1, c2, c3}).view({4, tiles, 16}).permute({1, 0, 2}).reshape({tiles, kTile});
}

// The first n draws of dropout (drop_tile), as int64 in [0, 2^16).
at::Tensor drops(uint64_t key, int64_t n, const at::Device& device) {
  at::Tensor bits = philox(key, (n + kDropTile - 1) / kDropTile, device);
  return at::cat({bits.bitwise_and(0xffff), at::__rshift__(bits, 16)}, 1).view({-1}).narrow(0, 0, n);
}

struct RmsNorm : public Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w, double eps) {
    at::Tensor f = x.to(at::kFloat), rstd = f.square().mean(-1, true).add_(eps).rsqrt_();
    ctx->save_for_backward({x, w, rstd});
    ctx->saved_data["need_w"] = w.requires_grad();
    return f.mul(rstd).mul_(w.to(at::kFloat)).to(x.scalar_type());
  }
  // dx = r * (g*w - xhat * mean(g*w*xhat)), xhat = x*r.
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &w = saved[1], &rstd = saved[2];
    at::Tensor g = grads[0].to(at::kFloat), hat = x.to(at::kFloat).mul(rstd), gw = g.mul(w.to(at::kFloat)), dw;
    at::Tensor dx = gw.sub(hat.mul(gw.mul(hat).mean(-1, true))).mul_(rstd).to(x.scalar_type());
    if (ctx->saved_data["need_w"].toBool()) dw = g.mul(hat).reshape({-1, x.size(-1)}).sum(0).to(w.scalar_type());
    return {dx, dw, at::Tensor()};
  }
};

// cos, sin: [tokens, 1, width / 2]; sign -1 turns back.
at::Tensor turned(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, double sign) {
  at::Tensor f = x.to(at::kFloat);
  int64_t half = x.size(2) / 2;
  at::Tensor a = f.narrow(2, 0, half), b = f.narrow(2, half, half), s = sin.mul(sign);
  return at::cat({a.mul(cos).sub_(b.mul(s)), b.mul(cos).add_(a.mul(s))}, 2).to(x.scalar_type());
}

struct Rope : public Function<Rope> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, const at::Tensor& positions) {
    at::Tensor c = cos.index_select(0, positions).unsqueeze_(1), s = sin.index_select(0, positions).unsqueeze_(1);
    ctx->save_for_backward({c, s});
    return turned(x, c, s, 1);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list g) {
    auto saved = ctx->get_saved_variables();
    return {turned(g[0], saved[0], saved[1], -1), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

struct SwiGlu : public Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate, const at::Tensor& up) {
    ctx->save_for_backward({gate, up});
    at::Tensor x = gate.to(at::kFloat);
    return x.sigmoid().mul_(x).mul_(up.to(at::kFloat)).to(gate.scalar_type());
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    at::Tensor x = saved[0].to(at::kFloat), up = saved[1].to(at::kFloat), o = grads[0].to(at::kFloat), s = x.sigmoid();
    at::Tensor du = o.mul(x).mul_(s), dg = o.mul(up).mul_(s).mul_(x.mul(s.neg().add_(1)).add_(1));  // silu' = s (1 + x (1 - s))
    return {dg.to(saved[0].scalar_type()), du.to(saved[1].scalar_type())};
  }
};

}  // namespace

bool wanted(const at::Tensor& x) { return on_the_cpu_too || !x.device().is_cpu(); }
void want(bool on) { on_the_cpu_too = on; }

at::Tensor dropped(const at::Tensor& x, double p, uint64_t key) {
  check_float(x, "x");
  TORCH_CHECK(p >= 0 && p < 1, "dropout ", p, " lies outside [0, 1)");
  Dropout d(p, key);
  at::Tensor keep = drops(key, x.numel(), x.device()).ge(static_cast<int64_t>(d.threshold)).view(x.sizes());
  return x.to(at::kFloat).mul(static_cast<double>(d.scale)).masked_fill_(keep.logical_not(), 0).to(x.scalar_type());
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps) {
  check_float(x, "x");
  TORCH_CHECK(w.dim() == 1 && w.size(0) == x.size(-1) && w.scalar_type() == x.scalar_type(), "weight is ", w.scalar_type(), w.sizes(), ", expected ", x.scalar_type(), " [", x.size(-1), "]");
  return RmsNorm::apply(x, w, eps);
}

// An index outside of a table would end a GPU's process: it is looked for here, at the price of waiting for the device.
at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, const at::Tensor& positions) {
  check_float(x, "x");
  TORCH_CHECK(x.dim() == 3 && x.size(2) % 2 == 0, "x is ", x.sizes(), ", expected [tokens, heads, even width]");
  TORCH_CHECK(cos.scalar_type() == at::kFloat && sin.scalar_type() == at::kFloat && cos.sizes() == sin.sizes() && cos.dim() == 2 && cos.size(1) * 2 == x.size(2), "cos ", cos.sizes(), " and sin ", sin.sizes(), " do not fit x ", x.sizes());
  TORCH_CHECK(positions.dim() == 1 && positions.size(0) == x.size(0) && positions.scalar_type() == at::kLong, "positions are ", positions.sizes(), ", expected int64 [", x.size(0), "]");
  if (x.size(0) > 0) {
    auto [least, most] = at::aminmax(positions);
    at::Tensor bounds = at::stack({least, most}).cpu();
    TORCH_CHECK(bounds[0].item<int64_t>() >= 0 && bounds[1].item<int64_t>() < cos.size(0), "position ", bounds[1].item<int64_t>(), " lies beyond the table of ", cos.size(0));
  }
  return Rope::apply(x, cos, sin, positions);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  check_float(gate, "gate");
  TORCH_CHECK(gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type(), "gate is ", gate.sizes(), ", up is ", up.sizes());
  return SwiGlu::apply(gate, up);
}

}  // namespace elara::portable
