// Keys and values of texts that are being generated, and attention over them.
//
// A cache has a row for each token. Which rows a token sees, a list says, so that texts with a common beginning share its rows and
// a text needs no room in one piece (Kwon et al., "PagedAttention", arXiv 2309.06180, with pages of one token).
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "border.h"
#include "dot.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"

namespace elara {
namespace {

// One key head of one token: its group of queries against the rows that it sees.
struct Sight {
  const float* q;  // [group, d]
  const int32_t* rows;
  int64_t length, group, d;
  int64_t stride;  // between rows of the cache
  float scale;
};

// The products of the queries with the keys, [group, width] with width a multiple of 4: dot.h's tiles over rows in any order.
template <class L>
EL_INLINE void scores(const Sight& s, const typename L::W* k, float* score, int64_t width) {
  for (int64_t g = 0; g < s.group; g += 4) {
    const float* x[4];
    for (int64_t r = 0; r < 4; r++) x[r] = s.q + std::min(g + r, s.group - 1) * s.d;
    for (int64_t t = 0; t < s.length; t += 4) {
      const typename L::W* w[4];
      for (int64_t c = 0; c < 4; c++) w[c] = k + s.rows[std::min(t + c, s.length - 1)] * s.stride;
      float all[16];
      dot::put(all, dot::tile<L, 4, 4>(x, w, s.d), 16);
      for (int64_t r = 0; r < 4 && g + r < s.group; r++) std::memcpy(score + (g + r) * width + t, all + r * 4, 4 * sizeof(float));
    }
  }
}

EL_INLINE void softmax(float* score, int64_t length, float scale) {
  float most = -INFINITY, sum = 0;
#pragma omp simd reduction(max : most)
  for (int64_t t = 0; t < length; t++) most = score[t] > most ? score[t] : most;
  float top = most * scale;
#pragma omp simd reduction(+ : sum)
  for (int64_t t = 0; t < length; t++) {
    float e = exp_f(score[t] * scale - top);
    score[t] = e;
    sum += e;
  }
  float norm = 1.0f / sum;
  for (int64_t t = 0; t < length; t++) score[t] *= norm;
}

// The values weighted by the scores: G queries, V vectors of 16 elements from element i on.
template <class S, int G, int V>
EL_INLINE void mix(const Sight& s, const S* v, const float* score, int64_t width, S* o, int64_t i) {
  dot::lanes sum[G][V] = {};
  for (int64_t t = 0; t < s.length; t++) {
    const S* row = v + s.rows[t] * s.stride + i;
    dot::lanes value[V];
#pragma GCC unroll 8
    for (int j = 0; j < V; j++) value[j] = dot::lanes_at(row + 16 * j);
#pragma GCC unroll 8
    for (int g = 0; g < G; g++) {
#pragma GCC unroll 8
      for (int j = 0; j < V; j++) sum[g][j] += value[j] * score[g * width + t];
    }
  }
  for (int g = 0; g < G; g++) {
    for (int j = 0; j < V; j++) dot::put(o + g * s.d + i + 16 * j, sum[g][j], 16);
  }
}

EL_INLINE float single(float x) { return x; }
EL_INLINE float single(uint16_t x) {
  bf16 b;
  b.x = x;
  return load(&b);
}
EL_INLINE void put_single(float* to, float x) { *to = x; }
EL_INLINE void put_single(uint16_t* to, float x) { store(reinterpret_cast<bf16*>(to), x); }

template <class S, int G>
EL_INLINE void mixed(const Sight& s, const S* v, const float* score, int64_t width, S* o) {
  int64_t i = 0;
  for (; i + 64 <= s.d; i += 64) mix<S, G, 4>(s, v, score, width, o, i);
  for (; i + 16 <= s.d; i += 16) mix<S, G, 1>(s, v, score, width, o, i);
  for (; i < s.d; i++) {
    for (int g = 0; g < G; g++) {
      float sum = 0;
      for (int64_t t = 0; t < s.length; t++) sum += score[g * width + t] * single(v[s.rows[t] * s.stride + i]);
      put_single(o + g * s.d + i, sum);
    }
  }
}

template <class L, class S>
EL_INLINE void attend(const Sight& s, const S* k, const S* v, float* score, S* o) {
  int64_t width = (s.length + 3) / 4 * 4;
  scores<L>(s, k, score, width);
  for (int64_t g = 0; g < s.group; g++) softmax(score + g * width, s.length, s.scale);
  int64_t g = 0;
  for (; g + 4 <= s.group; g += 4) mixed<S, 4>(s, v, score + g * width, width, o + g * s.d);
  switch (s.group - g) {
    case 3: return mixed<S, 3>(s, v, score + g * width, width, o + g * s.d);
    case 2: return mixed<S, 2>(s, v, score + g * width, width, o + g * s.d);
    case 1: return mixed<S, 1>(s, v, score + g * width, width, o + g * s.d);
  }
}
EL_CLONES void attend_f32(const Sight& s, const float* k, const float* v, float* score, float* o) { attend<dot::Floats>(s, k, v, score, o); }
EL_CLONES void attend_bf16(const Sight& s, const uint16_t* k, const uint16_t* v, float* score, uint16_t* o) { attend<dot::Halves>(s, k, v, score, o); }

// The last `window` of the rows that token i sees; 0: all.
struct Seen {
  const int32_t* rows;
  int64_t length;
  Seen(const el_sight& s, int i, int64_t window) : rows(s.rows + s.begin[i]), length(s.length[i]) {
    if (window > 0 && length > window) {
      rows += length - window;
      length = window;
    }
  }
};

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const el_sight& sight, int64_t window, double scale) {
  at::Tensor queries = q.to(at::kFloat).contiguous(), o = at::empty_like(q, at::MemoryFormat::Contiguous);
  int64_t kv = k.size(1), d = k.size(2), group = q.size(1) / kv;
  at::parallel_for(0, q.size(0) * kv, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> score;
    for (int64_t j = begin; j < end; j++) {
      int64_t head = j % kv, from = head * d, at = j * group * d;
      Seen seen(sight, static_cast<int>(j / kv), window);
      score.resize(std::max(score.size(), static_cast<size_t>(group * (seen.length + 4))));
      Sight s{queries.data_ptr<float>() + at, seen.rows, seen.length, group, d, kv * d, static_cast<float>(scale)};
      if (is_bf16(q)) {
        auto in = [&](const at::Tensor& x) { return reinterpret_cast<uint16_t*>(x.data_ptr<bf16>()); };
        attend_bf16(s, in(k) + from, in(v) + from, score.data(), in(o) + at);
      } else {
        attend_f32(s, k.data_ptr<float>() + from, v.data_ptr<float>() + from, score.data(), o.data_ptr<float>() + at);
      }
    }
  });
  return o;
}

void keep(at::Tensor& cache, const at::Tensor& x, const int64_t* row, int64_t n) {
  size_t bytes = static_cast<size_t>(x.size(1) * x.size(2)) * x.element_size();
  for (int64_t i = 0; i < n; i++) {
    std::memcpy(static_cast<char*>(cache.data_ptr()) + static_cast<size_t>(row[i]) * bytes, static_cast<const char*>(x.data_ptr()) + static_cast<size_t>(i) * bytes, bytes);
  }
}

// The portable form. Scores are [..., G, seen] in float32, of which each token sees those before its end, and with a window the
// last of them.
struct Portable {
  const at::Tensor &q, &k, &v;
  const el_sight& sight;
  int64_t window;
  double scale;

  int64_t kv() const { return k.size(1); }
  int64_t d() const { return k.size(2); }

  at::Tensor masked(const at::Tensor& score, const std::vector<int64_t>& ends, at::IntArrayRef shape) const {
    at::Tensor end = portable::beside(q, ends).view(shape), place = at::arange(score.size(-1), end.options());
    at::Tensor mask = place.ge(end);
    if (window > 0) mask.logical_or_(place.lt(end.sub(window)));
    return score.to(at::kFloat).masked_fill_(mask, -INFINITY).softmax(-1).to(q.scalar_type());
  }

  // Tokens [begin, end) of one text: what the last of them sees is read once.
  at::Tensor together(int64_t begin, int64_t end) const {
    int64_t n = end - begin, length = sight.length[end - 1];
    const int32_t* rows = sight.rows + sight.begin[begin];
    at::Tensor index = portable::beside(q, {rows, rows + length});
    auto read = [&](const at::Tensor& cache) { return cache.index_select(0, index).transpose(0, 1); };                        // [KV, seen, D]
    at::Tensor queries = q.narrow(0, begin, n).reshape({n, kv(), -1, d()}).transpose(0, 1).mul(scale).reshape({kv(), -1, d()});  // [KV, n * G, D]
    at::Tensor score = at::bmm(queries, read(k).transpose(1, 2)).view({kv(), n, -1, length});
    at::Tensor weight = masked(score, {sight.length + begin, sight.length + end}, {n, 1, 1}).view({kv(), -1, length});
    return at::bmm(weight, read(v)).view({kv(), n, -1, d()}).transpose(0, 1).reshape({n, q.size(1), d()});
  }

  // Tokens [begin, end) of as many texts: what each sees, filled up to the longest.
  at::Tensor apart(int64_t begin, int64_t end) const {
    int64_t n = end - begin;
    std::vector<Seen> seen;
    for (int64_t i = begin; i < end; i++) seen.emplace_back(sight, static_cast<int>(i), window);
    std::vector<int64_t> ends, rows;
    for (const Seen& s : seen) ends.push_back(s.length);
    int64_t most = *std::max_element(ends.begin(), ends.end());
    for (const Seen& s : seen) {
      for (int64_t t = 0; t < most; t++) rows.push_back(s.rows[std::min(t, s.length - 1)]);
    }
    at::Tensor index = portable::beside(q, rows);
    auto read = [&](const at::Tensor& cache) { return cache.index_select(0, index).view({n, most, kv(), d()}).transpose(1, 2); };  // [n, KV, seen, D]
    at::Tensor score = at::matmul(q.narrow(0, begin, n).reshape({n, kv(), -1, d()}).mul(scale), read(k).transpose(2, 3));
    return at::matmul(masked(score, ends, {n, 1, 1, 1}), read(v)).reshape({n, q.size(1), d()});
  }

  at::Tensor attention() const {
    int64_t n = q.size(0);
    auto text_ends = [&](int64_t i) {
      int64_t end = i + 1;
      while (end < n && sight.begin[end] == sight.begin[i]) end++;
      return end;
    };
    std::vector<at::Tensor> parts;
    for (int64_t begin = 0, end; begin < n; begin = end) {
      end = text_ends(begin);
      bool single = end == begin + 1;
      while (single && end < n && text_ends(end) == end + 1) end++;
      parts.push_back(single ? apart(begin, end) : together(begin, end));
    }
    return at::cat(parts);
  }
};

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_cache_attention(el_tensor* out, el_tensor q, el_tensor k, el_tensor v, el_tensor keys, el_tensor values, const el_sight* s, int64_t window, double scale) {
  return guarded([&] {
    at::NoGradGuard none;
    const at::Tensor& tq = T(q);
    at::Tensor tk = T(k).contiguous(), tv = T(v).contiguous(), &ck = T(keys), &cv = T(values);
    TORCH_CHECK(tq.dim() == 3 && tk.dim() == 3 && ck.dim() == 3 && tq.size(0) == s->tokens && tk.size(0) == s->tokens && tk.sizes() == tv.sizes() && tq.size(2) == tk.size(2) && tq.size(1) % tk.size(1) == 0, "q ", tq.sizes(), ", k ", tk.sizes(), ", v ", tv.sizes(), ", expected [", s->tokens, ", heads, width] with heads a multiple of key heads");
    TORCH_CHECK(ck.sizes() == cv.sizes() && ck.is_contiguous() && cv.is_contiguous() && ck.size(1) == tk.size(1) && ck.size(2) == tk.size(2), "the cache ", ck.sizes(), " cannot take ", tk.sizes());
    for (const at::Tensor* t : {&tk, &tv, &ck, &cv}) TORCH_CHECK(t->scalar_type() == tq.scalar_type(), "q is ", tq.scalar_type(), ", keys or values are ", t->scalar_type());
    for (int64_t i = 0; i < s->tokens; i++) {
      TORCH_CHECK(s->row[i] >= 0 && s->row[i] < ck.size(0), "row ", s->row[i], " lies outside the cache ", ck.sizes());
      TORCH_CHECK(s->length[i] > 0 && s->begin[i] >= 0 && s->begin[i] + s->length[i] <= s->count, "token ", i + 1, " sees entries ", s->begin[i], " to ", s->begin[i] + s->length[i], " of a list of ", s->count);
    }
    for (int64_t i = 0; i < s->count; i++) TORCH_CHECK(s->rows[i] >= 0 && s->rows[i] < ck.size(0), "row ", s->rows[i], " lies outside the cache ", ck.sizes());
    if (portable::wanted(tq)) {
      at::Tensor index = portable::beside(tq, {s->row, s->row + s->tokens});
      ck.index_copy_(0, index, tk);
      cv.index_copy_(0, index, tv);
      return void(*out = own(Portable{tq, ck, cv, *s, window, scale}.attention()));
    }
    check_float(tq, "q");
    keep(ck, tk, s->row, s->tokens);
    keep(cv, tv, s->row, s->tokens);
    *out = own(attention(tq, ck, cv, *s, window, scale));
  });
}

char* el_grown(el_tensor* out, el_tensor t, int64_t rows) {
  return guarded([&] {
    const at::Tensor& from = T(t);
    std::vector<int64_t> shape = from.sizes().vec();
    TORCH_CHECK(rows >= shape[0], "cannot grow from ", shape[0], " rows to ", rows);
    int64_t before = shape[0];
    shape[0] = rows;
    at::Tensor to = at::empty(shape, from.options());
    to.narrow(0, 0, before).copy_(from);
    *out = own(to);
  });
}

}  // extern "C"
