// What gotch v0.9.1 calls in namespace torch and libtorch 2.11 no longer offers with those arguments.
//
// gotch's C++ wrapper was generated for libtorch 2.1. Three private functions changed their signatures
// since; the wrapper still has to compile, although nothing here calls them: each throws, and gotch's
// wrapper turns that into an error. Qualified look-up finds these declarations before the ones of
// namespace at, which namespace torch only nominates, so nothing else is affected.
//
// The header is forced into every C++ file of the build (-include), and has an effect only in gotch's own,
// recognised by a header that lies beside it: files of Elara's stay free to include the little they need.
#pragma once

#if __has_include("torch_api_generated.cpp.h")

#include <torch/torch.h>

#include <optional>
#include <tuple>

namespace torch {

[[noreturn]] inline void elara_gone(const char *name) {
  TORCH_CHECK(false, name, " has other arguments in this libtorch than gotch was generated for");
}

inline std::tuple<Tensor, Tensor> _scaled_mm(const Tensor &, const Tensor &, const Tensor &,
                                             std::optional<at::ScalarType>, const Tensor &,
                                             const Tensor &, const Tensor &) {
  elara_gone("_scaled_mm");
}

inline std::tuple<Tensor, Tensor> _scaled_mm_out(Tensor &, Tensor &, const Tensor &, const Tensor &,
                                                 const Tensor &, std::optional<at::ScalarType>,
                                                 const Tensor &, const Tensor &, const Tensor &) {
  elara_gone("_scaled_mm_out");
}

inline Tensor _cslt_sparse_mm(const Tensor &, const Tensor &, const Tensor &, bool) {
  elara_gone("_cslt_sparse_mm");
}

} // namespace torch

#endif
