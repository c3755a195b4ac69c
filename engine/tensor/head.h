// What the operations over a linear head ask of their operands.
#pragma once
#include <ATen/ATen.h>

namespace elara {

inline void check_head(const char* whose, const at::Tensor& h, const at::Tensor& w) {
  TORCH_CHECK(h.dim() == 2 && w.dim() == 2 && h.size(1) == w.size(1) && h.scalar_type() == w.scalar_type(), whose, " rows ", h.scalar_type(), h.sizes(), ", head ", w.scalar_type(), w.sizes(), ", expected [rows, width] and [vocabulary, width] of one type");
  TORCH_CHECK(h.size(0) > 0, whose, " head reads no rows");
}

// ids: [rows], or with dims of 2 [rows, some].
inline void check_ids(const char* what, const at::Tensor& ids, int64_t dims, int64_t rows, int64_t vocab) {
  TORCH_CHECK(ids.scalar_type() == at::kLong && ids.dim() == dims && ids.size(0) == rows && ids.is_contiguous(), what, " ", ids.scalar_type(), ids.sizes(), ", expected int64 of ", rows, " rows");
  TORCH_CHECK(ids.min().item<int64_t>() >= 0 && ids.max().item<int64_t>() < vocab, "one of the ", what, " lies outside the vocabulary of ", vocab);
}

}  // namespace elara
