// Gradient norm, clipping and AdamW over lists of parameters, in the order given.
#include <ATen/ops/_fused_adamw.h>
#include <c10/core/GradMode.h>

#include <vector>

#include "border.h"
#include "native.h"

using namespace elara;

namespace {

std::vector<at::Tensor> gradients(const el_tensor* params, int n) {
  std::vector<at::Tensor> grads;
  for (int i = 0; i < n; i++) {
    const at::Tensor& g = T(params[i]).grad();
    if (g.defined()) grads.push_back(g);
  }
  return grads;
}

}  // namespace

extern "C" {

// The 2-norm of the vector of 2-norms, as torch.nn.utils.clip_grad_norm_ takes it.
char* el_grad_norm(double* out, const el_tensor* params, int n) {
  return guarded([&] {
    std::vector<at::Tensor> norms;
    for (const at::Tensor& g : gradients(params, n)) norms.push_back(at::linalg_vector_norm(g));
    *out = norms.empty() ? 0.0 : at::linalg_vector_norm(at::stack(norms)).item<float>();
  });
}

char* el_scale_grads(const el_tensor* params, int n, double factor) {
  return guarded([&] {
    for (at::Tensor& g : gradients(params, n)) g.mul_(factor);
  });
}

char* el_adamw(const el_tensor* params, const el_tensor* m, const el_tensor* v, int n, int64_t step, double lr, double beta1,
               double beta2, double eps, double weight_decay) {
  return guarded([&] {
    c10::AutoGradMode off(false);
    std::vector<at::Tensor> ps, gs, ms, vs, none, steps;
    for (int i = 0; i < n; i++) {
      const at::Tensor& g = T(params[i]).grad();
      if (!g.defined()) continue;
      ps.push_back(T(params[i]));
      gs.push_back(g);
      ms.push_back(T(m[i]));
      vs.push_back(T(v[i]));
    }
    if (ps.empty()) return;
    // One tensor stands for all: the kernel only reads it, beside the parameters.
    steps.assign(ps.size(), at::full({}, static_cast<double>(step), at::TensorOptions().dtype(at::kFloat).device(ps.front().device())));
    at::_fused_adamw_(ps, gs, ms, vs, none, steps, lr, beta1, beta2, weight_decay, eps, false, false);
  });
}

}  // extern "C"
