// Decompositions of matrices, and tensors whose elements are elsewhere.
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/zeros.h>

#include "border.h"
#include "native.h"

using namespace elara;

extern "C" {

char* el_svd(el_tensor* u, el_tensor* s, el_tensor* vh, el_tensor a) {
  return guarded([&] {
    auto [left, values, right] = at::linalg_svd(T(a), /*full_matrices=*/false, /*driver=*/std::nullopt);
    *u = own(left);
    *s = own(values);
    *vh = own(right);
  });
}

char* el_qr(el_tensor* q, el_tensor* r, el_tensor a) {
  return guarded([&] {
    auto [left, right] = at::linalg_qr(T(a), "reduced");
    *q = own(left);
    *r = own(right);
  });
}

// One element stands for all.
char* el_hollow(el_tensor* out, const int64_t* shape, int ndim, int dtype, int device) {
  return guarded([&] {
    at::Device where = device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
    auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).device(where);
    *out = own(at::zeros({}, options).expand(at::IntArrayRef(shape, ndim)));
  });
}

char* el_become(el_tensor t, el_tensor other) {
  return guarded([&] {
    TORCH_CHECK(T(t).sizes() == T(other).sizes() && T(t).scalar_type() == T(other).scalar_type(), "expected the same shape and type");
    T(t).set_data(T(other));
  });
}

}  // extern "C"
