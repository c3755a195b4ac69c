// Products of few rows with a large matrix, row by row: what generation is made of.
//
// Each element of a result is one dot product whose terms are added in an order that depends on the length alone. So a row's
// result has the same bits whatever rows are computed beside it, on any number of threads. Libraries of matrix products
// promise no such thing, and for a few rows they copy the whole matrix into another order first.
//
// Nothing but this file is included, because dot_bf16.cc compiles it for processors that not everyone has.
#pragma once
#include <cstdint>

#define EL_DOT static inline __attribute__((always_inline))

namespace elara::dot {

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t places __attribute__((vector_size(64)));
typedef uint32_t bits __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(32)));

template <class T, class S>
EL_DOT T peek(const S* p) {
  T t;
  __builtin_memcpy(&t, p, sizeof t);
  return t;
}

// bfloat16 travels as uint16_t here. Narrowing rounds to nearest, ties to even; NaN stays NaN.
EL_DOT lanes widened(halves h) { return reinterpret_cast<lanes>(__builtin_convertvector(h, bits) << 16); }
EL_DOT halves narrowed(lanes v) {
  bits b = reinterpret_cast<bits>(v), nan = reinterpret_cast<bits>((b & 0x7fffffffu) > 0x7f800000u);
  b = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
  return __builtin_convertvector((b & ~nan) | (nan & 0x7fc0u), halves);
}
EL_DOT void put(float* to, lanes v, int64_t n) { __builtin_memcpy(to, &v, static_cast<uint64_t>(n) * sizeof *to); }
EL_DOT void put(uint16_t* to, lanes v, int64_t n) {
  halves h = narrowed(v);
  __builtin_memcpy(to, &h, static_cast<uint64_t>(n) * sizeof *to);
}
EL_DOT lanes lanes_at(const float* p) { return peek<lanes>(p); }
EL_DOT lanes lanes_at(const uint16_t* p) { return widened(peek<halves>(p)); }

// The sums of the lanes of sixteen vectors.
EL_DOT lanes sums(const lanes* a) {
  constexpr places low8 = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23}, high8 = {8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31};
  constexpr places low4 = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27}, high4 = low4 + 4;
  constexpr places low2 = {0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29}, high2 = low2 + 2;
  constexpr places low1 = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}, high1 = low1 + 1;
  lanes b[8], c[4], d[2];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) b[i] = __builtin_shuffle(a[2 * i], a[2 * i + 1], low8) + __builtin_shuffle(a[2 * i], a[2 * i + 1], high8);
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) c[i] = __builtin_shuffle(b[2 * i], b[2 * i + 1], low4) + __builtin_shuffle(b[2 * i], b[2 * i + 1], high4);
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) d[i] = __builtin_shuffle(c[2 * i], c[2 * i + 1], low2) + __builtin_shuffle(c[2 * i], c[2 * i + 1], high2);
  return __builtin_shuffle(d[0], d[1], low1) + __builtin_shuffle(d[0], d[1], high1);
}

// How elements are read and multiplied: rows in X, the matrix in W, `step` of them at a time.
struct Floats {
  using X = float;
  using W = float;
  using reg = lanes;
  static constexpr int64_t step = 16;
  EL_DOT reg x(const X* p) { return peek<lanes>(p); }
  EL_DOT reg w(const W* p) { return peek<lanes>(p); }
  EL_DOT void add(lanes& sum, reg a, reg b) { sum += a * b; }
};
struct Halves {  // the rows widened before
  using X = float;
  using W = uint16_t;
  using reg = lanes;
  static constexpr int64_t step = 16;
  EL_DOT reg x(const X* p) { return peek<lanes>(p); }
  EL_DOT reg w(const W* p) { return widened(peek<halves>(p)); }
  EL_DOT void add(lanes& sum, reg a, reg b) { sum += a * b; }
};

// The dot products of R rows with C rows of the matrix, R * C = 16, each of k elements: lane r * C + c holds that of x[r] and w[c].
template <class L, int R, int C>
EL_DOT lanes tile(const typename L::X* const* x, const typename L::W* const* w, int64_t k) {
  static_assert(R * C == 16);
  lanes sum[16] = {};
  int64_t i = 0;
  for (; i + L::step <= k; i += L::step) {
    typename L::reg a[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) a[r] = L::x(x[r] + i);
#pragma GCC unroll 16
    for (int c = 0; c < C; c++) {
      typename L::reg b = L::w(w[c] + i);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) L::add(sum[r * C + c], a[r], b);
    }
  }
  if (i < k) {  // the rest, filled up with zeros
    typename L::X a[L::step];
    typename L::W b[L::step];
    uint64_t rest = static_cast<uint64_t>(k - i);
    for (int r = 0; r < R; r++) {
      __builtin_memset(a, 0, sizeof a);
      __builtin_memcpy(a, x[r] + i, rest * sizeof *a);
      for (int c = 0; c < C; c++) {
        __builtin_memset(b, 0, sizeof b);
        __builtin_memcpy(b, w[c] + i, rest * sizeof *b);
        L::add(sum[r * C + c], L::x(a), L::w(b));
      }
    }
  }
  return sums(sum);
}

// y = scale * x w^T + bias, or added to y, in the columns [begin, end). x: [rows, k], w: [n, k], bias: [n] or null, y: [rows, n].
struct Product {
  const void *x, *w;
  const float* bias;
  void* y;
  int64_t rows, k, n;
  float scale;
  bool onto;  // adds to what y holds
};

// One tile's results, C columns of each of R rows, as far as they exist.
template <class Y, int R, int C>
EL_DOT void settle(const Product& p, lanes sum, int64_t row, int64_t last, int64_t column, int64_t end) {
  Y* y = static_cast<Y*>(p.y) + row * p.n + column;
  sum *= p.scale;
  if (p.bias == nullptr && !p.onto && row + R <= last && column + C <= end) {
    Y all[16];
    put(all, sum, 16);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) __builtin_memcpy(y + r * p.n, all + r * C, C * sizeof(Y));
    return;
  }
  float all[16];
  put(all, sum, 16);
  int64_t count = end - column < C ? end - column : C;
  for (int r = 0; r < R && row + r < last; r++, y += p.n) {
    lanes v = {};
    __builtin_memcpy(&v, all + r * C, C * sizeof(float));
    if (p.bias != nullptr) {
      for (int64_t c = 0; c < count; c++) v[c] += p.bias[column + c];
    }
    if (p.onto) {
      Y old[16] = {};
      __builtin_memcpy(old, y, static_cast<uint64_t>(count) * sizeof(Y));
      v += lanes_at(old);
    }
    put(y, v, count);
  }
}

template <class L, class Y, int R, int C>
EL_DOT void columns(const Product& p, int64_t row, int64_t last, int64_t column, int64_t end) {
  const typename L::W* w[C];
  for (int c = 0; c < C; c++) w[c] = static_cast<const typename L::W*>(p.w) + (column + c < end ? column + c : end - 1) * p.k;
  // The columns after these come from memory while these are computed, an equal part with each tile.
  const char* next = reinterpret_cast<const char*>(w[0] + C * p.k);
  const int64_t ahead = column + 2 * C <= end ? C * p.k * static_cast<int64_t>(sizeof *w[0]) : 0, each = ahead * R / (last - row);
  for (; row < last; row += R) {
    for (int64_t at = 0; at < each; at += 64) __builtin_prefetch(next + at, 0, 2);
    next += each;
    const typename L::X* x[R];
    for (int r = 0; r < R; r++) x[r] = static_cast<const typename L::X*>(p.x) + (row + r < last ? row + r : last - 1) * p.k;
    settle<Y, R, C>(p, tile<L, R, C>(x, w, p.k), row, last, column, end);
  }
}

// Rows go in panels that stay in a near cache; within one, the matrix is read once.
template <class L, class Y>
EL_DOT void product(const Product& p, int64_t begin, int64_t end) {
  constexpr int64_t panel = 64;
  for (int64_t row = 0; row < p.rows; row += panel) {
    int64_t last = row + panel < p.rows ? row + panel : p.rows;
    if (last - row == 1) {
      for (int64_t c = begin; c < end; c += 16) columns<L, Y, 1, 16>(p, row, last, c, end);
    } else if (last - row == 2) {
      for (int64_t c = begin; c < end; c += 8) columns<L, Y, 2, 8>(p, row, last, c, end);
    } else {
      for (int64_t c = begin; c < end; c += 4) columns<L, Y, 4, 4>(p, row, last, c, end);
    }
  }
}

// dot_bf16.cc: rows and matrix in bfloat16, for processors that multiply them two by two (AVX-512 BF16).
bool has_pairs();
void product_pairs(const Product& p, bool float_result, int64_t begin, int64_t end);

}  // namespace elara::dot
