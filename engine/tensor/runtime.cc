// Threads, tensors from and to Go's memory, counter-based filling, and the autograd calls gotch lacks.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include <malloc.h>

#include <climits>
#include <cstdlib>

#include "border.h"
#include "kernel.h"
#include "memory.h"
#include "native.h"
#include "portable.h"

using namespace elara;

namespace {

at::Device device_of(int device) {
  return device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
}

at::TensorOptions options_of(int dtype, int device) {
  return at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).device(device_of(device));
}

// The 64-bit finaliser of SplitMix64: derives an independent key for a second stream.
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

// Draws are made on the CPU, wherever the tensor lies: they have the same bits on every device.
void fill(at::Tensor& t, uint64_t key, const std::function<void(const uint32_t*, float*, int64_t)>& draw) {
  TORCH_CHECK(t.scalar_type() == at::kFloat && t.is_contiguous(), "expected a contiguous float32 tensor");
  at::Tensor host = t.device().is_cpu() ? t : at::empty(t.sizes(), t.options().device(at::kCPU));
  float* out = host.data_ptr<float>();
  int64_t n = t.numel();
  at::parallel_for(0, (n + kTile - 1) / kTile, 256, [&](int64_t begin, int64_t end) {
    uint32_t bits[kTile];
    for (int64_t tile = begin; tile < end; tile++) {
      philox_tile(key, static_cast<uint64_t>(tile), bits);
      draw(bits, out + tile * kTile, std::min<int64_t>(kTile, n - tile * kTile));
    }
  });
  if (!t.device().is_cpu()) t.copy_(host);
}

// Makes a GPU this thread's own. What is wrong with it says libtorch in its own words, when the first tensor is made there.
//
// A run that goes on elsewhere must end in the same bytes, so each operation takes the form that adds up in a fixed order, and
// cuBLAS the workspace that it needs for that.
void start_device(int device) {
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  const auto& cuda = at::detail::getCUDAHooks();
  TORCH_CHECK(cuda.hasCUDART(), "this program was built without CUDA, expected one that make setup CUDA=1 build makes");
  int there = cuda.getNumGPUs();
  TORCH_CHECK(there == 0 || device < there, "no such GPU, expected ", there == 1 ? "cuda:0" : "cuda:0 to cuda:" + std::to_string(there - 1));
  at::zeros({1}, at::TensorOptions().device(device_of(device)));
  c10::impl::VirtualGuardImpl(at::kCUDA).setDevice(device_of(device));
  at::globalContext().setDeterministicAlgorithms(true, false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);  // all that is made here is written before it is read
  portable::probe_flash(device_of(device));
}

}  // namespace

extern "C" {

// What is freed stays, until el_trim: by default glibc gives larger blocks back to the kernel when they are freed and asks for
// them again a moment later, page by page. Tensors have an allocator of their own (memory.cc).
//
// oneDNN keeps the last 1,024 products that it compiled, one for each combination of sizes, and every micro-batch has sizes of
// its own: half a gigabyte of code that never runs again. 64 are enough for those within a step. A user's own number wins.
char* el_start(int threads, int device, int portable) {
  return guarded([&] {
    TORCH_CHECK(mallopt(M_MMAP_THRESHOLD, 32 << 20) == 1 && mallopt(M_TRIM_THRESHOLD, INT_MAX) == 1, "mallopt refused");
    setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", 0);
    setenv("LRU_CACHE_CAPACITY", "64", 0);  // libtorch's own list of the same
    start_memory();
    if (threads > 0) at::set_num_threads(threads);
    portable::want(portable != 0);
    if (device >= 0) start_device(device);
  });
}

char* el_trim(int device) {
  return guarded([&] {
    trim_memory();
    if (device >= 0) c10::getDeviceAllocator(at::kCUDA)->emptyCache();
  });
}

char* el_synchronize(int device) {
  return guarded([&] { c10::impl::VirtualGuardImpl(at::kCUDA).synchronizeDevice(static_cast<c10::DeviceIndex>(device)); });
}

char* el_peak_memory(int64_t* bytes, int device) {
  return guarded([&] {
    auto stats = c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(device));
    *bytes = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
  });
}

int el_get_threads(void) { return at::get_num_threads(); }

void el_free(const el_tensor* list, int n) {
  for (int i = 0; i < n; i++) delete static_cast<at::Tensor*>(list[i]);
}

char* el_empty(el_tensor* out, const int64_t* shape, int ndim, int dtype, int device) {
  return guarded([&] { *out = own(at::zeros(at::IntArrayRef(shape, ndim), options_of(dtype, device))); });
}

char* el_from_data(el_tensor* out, const void* data, const int64_t* shape, int ndim, int dtype, int device) {
  return guarded([&] {
    at::Tensor host = at::empty(at::IntArrayRef(shape, ndim), options_of(dtype, -1));
    if (host.nbytes() > 0) std::memcpy(host.data_ptr(), data, host.nbytes());
    *out = own(host.to(device_of(device)));
  });
}

char* el_to_host(el_tensor t, void* data, size_t bytes) {
  return guarded([&] {
    at::Tensor host = T(t).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(host.nbytes() == bytes, "tensor has ", host.nbytes(), " bytes, the buffer ", bytes);
    if (bytes > 0) std::memcpy(data, host.data_ptr(), bytes);
  });
}

char* el_fill_uniform(el_tensor t, double low, double high, uint64_t key) {
  return guarded([&] {
    double width = (high - low) / 4294967296.0;
    fill(T(t), key, [=](const uint32_t* bits, float* out, int64_t n) {
      for (int64_t i = 0; i < n; i++) out[i] = static_cast<float>(low + width * (bits[i] + 0.5));
    });
  });
}

// Box-Muller; both uniforms come from streams of their own, so that element i depends on i only.
char* el_fill_normal(el_tensor t, double mean, double std, uint64_t key) {
  return guarded([&] {
    at::Tensor x = at::empty_like(T(t), at::TensorOptions().device(at::kCPU)), angle = at::empty_like(x);
    char* failed = el_fill_uniform(&angle, 0.0, 6.283185307179586, mix(key));
    TORCH_CHECK(failed == nullptr, "fill angles");
    failed = el_fill_uniform(&x, 0.0, 1.0, key);
    TORCH_CHECK(failed == nullptr, "fill radii");
    T(t).copy_(x.clamp_min_(1.0 / 8589934592.0).log_().mul_(-2.0).sqrt_().mul_(angle.cos_()).mul_(std).add_(mean));
  });
}

char* el_set_requires_grad(el_tensor t, int on) {
  return guarded([&] { T(t).set_requires_grad(on != 0); });
}

char* el_grad(el_tensor* out, el_tensor t) {
  return guarded([&] {
    const at::Tensor& g = T(t).grad();
    *out = g.defined() ? own(g) : nullptr;
  });
}

char* el_zero_grad(el_tensor t) {
  return guarded([&] { T(t).mutable_grad() = at::Tensor(); });
}

char* el_backward(el_tensor loss, el_tensor grad) {
  return guarded([&] {
    torch::autograd::variable_list seed;
    if (grad != nullptr) seed.push_back(T(grad));
    torch::autograd::backward({T(loss)}, seed);
  });
}

}  // extern "C"
