// Products in bfloat16 by the instruction that multiplies pairs and adds them up in float.
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v4,avx512bf16")  // for dot.h too: what is inlined here must have it
#include <immintrin.h>

#include "dot.h"

namespace elara::dot {
namespace {

struct Pairs {
  using X = uint16_t;
  using W = uint16_t;
  using reg = __m512bh;
  static constexpr int64_t step = 32;
  EL_DOT reg x(const X* p) { return peek<__m512bh>(p); }
  EL_DOT reg w(const W* p) { return peek<__m512bh>(p); }
  EL_DOT void add(lanes& sum, reg a, reg b) { sum = reinterpret_cast<lanes>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), a, b)); }
};

}  // namespace

bool has_pairs() { return __builtin_cpu_supports("avx512bf16"); }

void product_pairs(const Product& p, bool float_result, int64_t begin, int64_t end) {
  if (float_result) {
    product<Pairs, float>(p, begin, end);
  } else {
    product<Pairs, uint16_t>(p, begin, end);
  }
}

}  // namespace elara::dot
#else
#include "dot.h"

namespace elara::dot {
bool has_pairs() { return false; }
void product_pairs(const Product&, bool, int64_t, int64_t) {}
}  // namespace elara::dot
#endif
