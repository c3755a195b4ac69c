// The fused operations of this package once more, in ATen's own operations: slower, but on any device and in any type.
//
// An operation takes this form anywhere but on the CPU, and on the CPU where the engine is told to compute as a GPU would.
// The values are those of the fused kernels up to rounding; the masks of dropout are the same bit for bit.
#pragma once
#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace elara::portable {

bool wanted(const at::Tensor& x);
void want(bool on);  // on the CPU too, for operations of this thread

// Engine threads that use a GPU call this once, with it as their current device.
void probe_flash(const at::Device& device);

at::Tensor dropped(const at::Tensor& x, double p, uint64_t key);  // no autograd
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps);
at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, const at::Tensor& positions);
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::vector<int64_t> offsets, std::vector<int64_t> parents,
                     int64_t window, double scale, double p, uint64_t key);
std::vector<at::Tensor> linear_cross_entropy(const at::Tensor& h, const at::Tensor& w, const at::Tensor& targets,
                                             const std::optional<at::Tensor>& weights, double smoothing, int64_t chunk);  // sum, nll

inline void check_float(const at::Tensor& t, const char* name) {
  TORCH_CHECK(t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16 || t.scalar_type() == at::kHalf, name, " is ", t.scalar_type(), ", expected float32, bfloat16 or float16");
}

// A list of the host as a tensor beside x.
inline at::Tensor beside(const at::Tensor& x, const std::vector<int64_t>& list) {
  return at::tensor(list, at::TensorOptions().dtype(at::kLong)).to(x.device());
}

}  // namespace elara::portable
