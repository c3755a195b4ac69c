// Memory of large tensors: blocks that are kept when they are freed, but never more of them than a run has needed at once.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "border.h"
#include "memory.h"

namespace elara {
namespace {

class Pool;
Pool& pool();

// Every micro-batch has another number of tokens, and so have its activations. glibc either gives such blocks back to the
// kernel when they are freed and asks for them again a moment later, page by page (a tenth of a step's time), or keeps them
// all in a heap that the many sizes cut to pieces: four adapters in turn held half as much again as they used.
//
// Here a block has one of eight sizes a doubling, and serves again for tensors down to two thirds of its size. Before the kernel
// is asked for more, blocks that lie idle go back, so that idle and used ones together stay below the most that was ever used at
// once.
class Pool final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes < kLarge ? small(bytes) : take(rounded(bytes));
    return {data, data, &give, at::Device(at::kCPU)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &give; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

  void trim() {
    std::lock_guard<std::mutex> lock(mutex_);
    release(0);
    most_ = used_;
  }

 private:
  static constexpr size_t kLarge = 1 << 18, kHuge = 1 << 21, kPage = 1 << 12, kAlignment = 64;

  static void* small(size_t bytes) {
    void* data = nullptr;
    if (bytes > 0 && posix_memalign(&data, kAlignment, bytes) != 0) fail(bytes);
    return data;
  }

  static void* map(size_t size) { return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

  // The next of eight steps in the doubling that the size lies in, so at most an eighth more.
  static size_t rounded(size_t bytes) {
    size_t step = kPage;
    while (step * 16 <= bytes) step *= 2;
    return (bytes + step - 1) / step * step;
  }

  void* take(size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto fit = idle_.lower_bound(size);
    void* data;
    if (fit != idle_.end() && fit->first <= size + size / 2) {
      size = fit->first;
      data = fit->second;
      idle_.erase(fit);
      kept_ -= size;
    } else {
      release(std::max(most_, used_ + size) - used_ - size);
      data = map(size);
      if (data == MAP_FAILED) {
        release(0);  // what lies idle is memory, too
        data = map(size);
      }
      if (data == MAP_FAILED) fail(size);
      if (size >= kHuge) madvise(data, size, MADV_HUGEPAGE);  // one fault for 512 pages; a kernel that refuses costs time only
    }
    used_ += size;
    most_ = std::max(most_, used_);
    sizes_[data] = size;
    return data;
  }

  static void give(void* data) {
    if (reinterpret_cast<uintptr_t>(data) % kPage != 0) return std::free(data);  // blocks begin with a page
    Pool& p = pool();
    std::lock_guard<std::mutex> lock(p.mutex_);
    auto at = p.sizes_.find(data);
    if (at == p.sizes_.end()) return std::free(data);
    p.used_ -= at->second;
    p.kept_ += at->second;
    p.idle_.emplace(at->second, data);
    p.sizes_.erase(at);
  }

  // release gives idle blocks back to the kernel, the largest first, until no more than `keep` bytes of them are left.
  void release(size_t keep) {
    while (kept_ > keep) {
      auto last = std::prev(idle_.end());
      munmap(last->second, last->first);
      kept_ -= last->first;
      idle_.erase(last);
    }
  }

  // The words are those of libtorch's own allocator: they are what tells lack of memory from other errors.
  [[noreturn]] static void fail(size_t bytes) {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes, " bytes.");
    std::abort();
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> idle_;
  std::unordered_map<void*, size_t> sizes_;      // of the used blocks
  size_t used_ = 0, kept_ = 0, most_ = 0;        // bytes: in tensors, idle, the most in tensors at once
};

// It is never destroyed: tensors may be freed while the process ends.
Pool& pool() {
  static Pool* only = new Pool;
  return *only;
}

}  // namespace

void start_memory() { c10::SetCPUAllocator(&pool(), 1); }

void trim_memory() {
  pool().trim();
  malloc_trim(0);
}

}  // namespace elara
