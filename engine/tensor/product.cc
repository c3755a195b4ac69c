#include "product.h"

namespace at::native {
// PyTorch's own door to oneDNN's products, which it opens for bfloat16 and not for float32. Its header is not among those that the wheel has.
TORCH_API void mkldnn_matmul(const Tensor& a, const Tensor& b, const Tensor& out, float beta, float alpha);
}  // namespace at::native

namespace elara {
namespace {

// PyTorch leaves products of float32 to MKL, which uses no AVX-512 on processors that are not Intel's: on an EPYC oneDNN takes a
// quarter less time for those of a layer, forth and back, and a third less for those with the short sides of LoRA. With fewer
// rows than these oneDNN is the slower one: it lays transposed weights out anew for every product.
constexpr int64_t kRows = 256;

bool by_onednn(const at::Tensor& a, const at::Tensor& b) {
  static const bool can = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!can || !a.is_cpu() || a.scalar_type() != at::kFloat || b.scalar_type() != at::kFloat) return false;
  int64_t tokens = a.is_contiguous() ? a.size(0) : a.size(1);  // a transposed one is summed over them
  return tokens >= kRows;
}

}  // namespace

void product_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  if (by_onednn(a, b)) return at::native::mkldnn_matmul(a, b, out, 0, 1);
  at::Tensor to = out;
  at::mm_out(to, a, b);
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  product_into(out, a, b);
  return out;
}

void add_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double scale) {
  if (by_onednn(a, b)) return at::native::mkldnn_matmul(a, b, out, 1, static_cast<float>(scale));
  out.addmm_(a, b, 1, scale);
}

at::Tensor affine(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias) {
  if (!bias.has_value()) return product(x, w.t());
  if (!by_onednn(x, w)) return at::addmm(*bias, x, w.t());
  at::Tensor y = bias->expand({x.size(0), w.size(0)}).contiguous();
  add_product(y, x, w.t());
  return y;
}

}  // namespace elara
