// The border where C++ exceptions become messages for Go. No exception may cross into Go: it would end the process.
#pragma once
#include <ATen/ATen.h>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace elara {

inline at::Tensor& T(void* p) { return *static_cast<at::Tensor*>(p); }
inline void* own(at::Tensor t) { return new at::Tensor(std::move(t)); }

template <class F>
char* guarded(F&& f) {
  try {
    f();
    return nullptr;
  } catch (const c10::Error& e) {
    return strdup(e.what_without_backtrace());
  } catch (const std::exception& e) {
    return strdup(e.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}

}  // namespace elara
