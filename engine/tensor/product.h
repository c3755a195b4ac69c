// Products of matrices over the tokens of a stream.
#pragma once
#include <ATen/ATen.h>

#include <optional>

namespace elara {

// a b. a: [m, k], b: [k, n]; either may be the transpose of a contiguous matrix. No graph is recorded.
at::Tensor product(const at::Tensor& a, const at::Tensor& b);
// out = a b.
void product_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b);
// out += scale a b.
void add_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double scale = 1);
// x w^T + bias. x: [tokens, in], w: [out, in], bias: [out] or nothing. No graph is recorded.
at::Tensor affine(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias);

}  // namespace elara
