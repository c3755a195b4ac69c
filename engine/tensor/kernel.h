// Shared ground of the fused CPU kernels: conversions, a vectorisable exp, and the counter-based generator.
//
// Each kernel has the same three layers: a C function (native.h) that turns exceptions into messages, an autograd
// function over at::Tensor, and row kernels over raw pointers that the compiler vectorises once per instruction set
// (EL_CLONES). All arithmetic is in float whatever the storage type is.
#pragma once
// Comparisons may not trap and maths functions set no errno: without this the compiler keeps branches in the row kernels
// and cannot vectorise them. Values are not affected.
#pragma GCC optimize("no-trapping-math", "no-math-errno")
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

// The levels are whole ones: avx512f alone has no 16-bit lanes, and a bfloat16 loop takes five times as long with it.
#define EL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define EL_INLINE static inline __attribute__((always_inline))

namespace elara {

using bf16 = c10::BFloat16;

EL_INLINE float load(const float* p) { return *p; }
EL_INLINE float load(const bf16* p) {
  uint32_t bits = static_cast<uint32_t>(p->x) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
EL_INLINE void store(float* p, float v) { *p = v; }
// Round to nearest, ties to even, as torch does; NaN stays NaN because its mantissa keeps a high bit. NaN is told by its bits: a
// comparison of floats leaves a branch in the loop, which is then not vectorised.
EL_INLINE void store(bf16* p, float v) {
  uint32_t bits;
  std::memcpy(&bits, &v, 4);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  p->x = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

// exp in float by Cephes' reduction and polynomial: relative error below 2e-7 on [-87, 88], monotone clamp outside.
EL_INLINE float exp_f(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  float shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to the nearest integer
  float z = shifted - 12582912.0f;
  int32_t n = static_cast<int32_t>(z);
  float r = x - z * 0.693359375f + z * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  uint32_t scale = static_cast<uint32_t>(n + 127) << 23;
  float s;
  std::memcpy(&s, &scale, 4);
  return p * s;
}

// What a row of logits weighs: its largest element, and with z = row - most the sum of e^z, and with Moment that of z e^z.
struct Mass {
  float most;
  double sum, moment;
};

// Sums of blocks in float are added up in double.
template <bool Moment, class S>
EL_INLINE Mass mass_of(const S* row, int64_t n) {
  Mass of{-INFINITY, 0, 0};
  float most = of.most;
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < n; i++) most = load(row + i) > most ? load(row + i) : most;
  of.most = most;
  for (int64_t block = 0; block < n; block += 1024) {
    int64_t stop = block + 1024 < n ? block + 1024 : n;
    float part = 0, weighted = 0;
#pragma omp simd reduction(+ : part, weighted)
    for (int64_t i = block; i < stop; i++) {
      float z = load(row + i) - most, e = exp_f(z);
      part += e;
      if constexpr (Moment) weighted += z * e;
    }
    of.sum += part;
    of.moment += weighted;
  }
  return of;
}

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// One tile is 64 outputs of 16 counter blocks: output e of a tile is lane e/16 of block 16*tile + e%16.
constexpr int64_t kTile = 64;
EL_INLINE void philox_tile(uint64_t key, uint64_t tile, uint32_t* out) {
  uint64_t c0[16], c1[16], c2[16], c3[16];  // 32-bit words in 64-bit lanes, where their products are whole
  for (int i = 0; i < 16; i++) {
    uint64_t block = tile * 16 + static_cast<uint64_t>(i);
    c0[i] = static_cast<uint32_t>(block);
    c1[i] = block >> 32;
    c2[i] = 0;
    c3[i] = 0;
  }
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; round++) {
#pragma omp simd
    for (int i = 0; i < 16; i++) {
      uint64_t p0 = c0[i] * 0xD2511F53ull, p1 = c2[i] * 0xCD9E8D57ull;
      c0[i] = (p1 >> 32) ^ c1[i] ^ k0;
      c2[i] = (p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<uint32_t>(p1);
      c3[i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 16; i++) {
    out[i] = static_cast<uint32_t>(c0[i]);
    out[16 + i] = static_cast<uint32_t>(c1[i]);
    out[32 + i] = static_cast<uint32_t>(c2[i]);
    out[48 + i] = static_cast<uint32_t>(c3[i]);
  }
}

// Dropout takes 16 bits an element, half of what a uniform number takes: drawing costs more than what is done with it. A tile of it
// has the low halves of a tile of the generator, then the high ones.
constexpr int64_t kDropTile = 2 * kTile;
EL_INLINE void drop_tile(uint64_t key, uint64_t tile, uint16_t* out) {
  uint32_t bits[kTile];
  philox_tile(key, tile, bits);
  for (int64_t i = 0; i < kTile; i++) {
    out[i] = static_cast<uint16_t>(bits[i]);
    out[kTile + i] = static_cast<uint16_t>(bits[i] >> 16);
  }
}

// An element whose draw is below the threshold is dropped, so with the multiple of 2^-16 nearest to p; the others are scaled by
// what keeps the mean.
struct Dropout {
  uint64_t key;
  uint32_t threshold;
  float scale;
  Dropout(double p, uint64_t k)
      : key(k), threshold(static_cast<uint32_t>(std::min(std::nearbyint(p * 65536), 65535.0))), scale(static_cast<float>(65536.0 / (65536.0 - threshold))) {}
};

inline bool is_bf16(const at::Tensor& t) { return t.scalar_type() == at::kBFloat16; }
inline void check_float(const at::Tensor& t, const char* name) {
  TORCH_CHECK(t.scalar_type() == at::kFloat || is_bf16(t), name, " is ", t.scalar_type(), ", expected float32 or bfloat16");
  TORCH_CHECK(t.device().is_cpu(), name, " lies on ", t.device(), ", the fused kernels are for the CPU");
}

at::Tensor dropout_mask_apply(const at::Tensor& x, double p, uint64_t key);

}  // namespace elara
