// Causal attention inside each segment of a packed stream, and attention over a cache while generating.
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "border.h"
#include "kernel.h"
#include "native.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// Rows of one segment's scores lie as [KV, G, L] x L; row r belongs to query r % L and may see columns 0..r % L.
template <class S>
EL_INLINE void softmax_rows(S* s, float* lse, int64_t len, float scale, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    S* row = s + r * len;
    int64_t n = r % len + 1;
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (int64_t i = 0; i < n; i++) most = load(row + i) > most ? load(row + i) : most;
    float top = most * scale, sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += exp_f(load(row + i) * scale - top);
    float norm = top + std::log(sum);
    lse[r] = norm;
    for (int64_t i = 0; i < n; i++) store(row + i, exp_f(load(row + i) * scale - norm));
    for (int64_t i = n; i < len; i++) store(row + i, 0.0f);
  }
}
EL_CLONES void softmax_f32(float* s, float* lse, int64_t len, float scale, int64_t b, int64_t e) { softmax_rows(s, lse, len, scale, b, e); }
EL_CLONES void softmax_bf16(bf16* s, float* lse, int64_t len, float scale, int64_t b, int64_t e) { softmax_rows(s, lse, len, scale, b, e); }

// p = exp(s * scale - lse) again, from the scores.
template <class S>
EL_INLINE void replay_rows(S* s, const float* lse, int64_t len, float scale, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    S* row = s + r * len;
    int64_t n = r % len + 1;
    for (int64_t i = 0; i < n; i++) store(row + i, exp_f(load(row + i) * scale - lse[r]));
    for (int64_t i = n; i < len; i++) store(row + i, 0.0f);
  }
}
EL_CLONES void replay_f32(float* s, const float* lse, int64_t len, float scale, int64_t b, int64_t e) { replay_rows(s, lse, len, scale, b, e); }
EL_CLONES void replay_bf16(bf16* s, const float* lse, int64_t len, float scale, int64_t b, int64_t e) { replay_rows(s, lse, len, scale, b, e); }

// ds = p * (dp - delta) * scale, written over dp.
template <class S>
EL_INLINE void score_grad_rows(const S* p, S* dp, const float* delta, int64_t len, float scale, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    int64_t n = r % len + 1;
    for (int64_t i = 0; i < n; i++) store(dp + r * len + i, load(p + r * len + i) * (load(dp + r * len + i) - delta[r]) * scale);
    for (int64_t i = n; i < len; i++) store(dp + r * len + i, 0.0f);
  }
}
EL_CLONES void score_grad_f32(const float* p, float* dp, const float* delta, int64_t len, float scale, int64_t b, int64_t e) {
  score_grad_rows(p, dp, delta, len, scale, b, e);
}
EL_CLONES void score_grad_bf16(const bf16* p, bf16* dp, const float* delta, int64_t len, float scale, int64_t b, int64_t e) {
  score_grad_rows(p, dp, delta, len, scale, b, e);
}

template <class F32, class BF16, class... A>
void by_rows(int64_t rows, at::Tensor& t, F32 f32, BF16 b16, A... args) {
  at::parallel_for(0, rows, 16, [&](int64_t b, int64_t e) {
    if (is_bf16(t)) {
      b16(t.data_ptr<bf16>(), args..., b, e);
    } else {
      f32(t.data_ptr<float>(), args..., b, e);
    }
  });
}

// Each segment draws its dropout from a key of its own.
uint64_t segment_key(uint64_t key, int64_t segment) { return key + 0x9E3779B97F4A7C15ull * static_cast<uint64_t>(segment + 1); }

// [L, KV*G, D] to [KV, G*L, D] and back.
at::Tensor grouped(const at::Tensor& q, int64_t kv) {
  int64_t len = q.size(0), g = q.size(1) / kv, d = q.size(2);
  return q.view({len, kv, g, d}).permute({1, 2, 0, 3}).reshape({kv, g * len, d});
}
at::Tensor ungrouped(const at::Tensor& x, int64_t len) {
  int64_t kv = x.size(0), g = x.size(1) / len, d = x.size(2);
  return x.view({kv, g, len, d}).permute({2, 0, 1, 3}).reshape({len, kv * g, d});
}

struct Attention : public Function<Attention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q_, const at::Tensor& k_, const at::Tensor& v_,
                            std::vector<int64_t> offsets, double scale, double p, int64_t key) {
    at::Tensor q = q_.contiguous(), k = k_.contiguous(), v = v_.contiguous();
    int64_t kv = k.size(1);
    at::Tensor o = at::empty_like(q), lse = at::empty({q.size(0) * q.size(1)}, q.options().dtype(at::kFloat));
    for (size_t i = 0; i + 1 < offsets.size(); i++) {
      int64_t start = offsets[i], len = offsets[i + 1] - start;
      at::Tensor qs = grouped(q.narrow(0, start, len), kv);
      at::Tensor ks = k.narrow(0, start, len).permute({1, 2, 0});  // [KV, D, L]
      at::Tensor vs = v.narrow(0, start, len).transpose(0, 1);     // [KV, L, D]
      at::Tensor s = at::bmm(qs, ks);
      by_rows(q.size(1) * len, s, softmax_f32, softmax_bf16, lse.data_ptr<float>() + start * q.size(1), len, static_cast<float>(scale));
      if (p > 0) s = dropout_mask_apply(s, p, segment_key(static_cast<uint64_t>(key), static_cast<int64_t>(i)));
      o.narrow(0, start, len).copy_(ungrouped(at::bmm(s, vs), len));
    }
    ctx->save_for_backward({q, k, v, o, lse});
    ctx->saved_data["offsets"] = offsets;
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    return o;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &o = saved[3], &lse = saved[4];
    auto offsets = ctx->saved_data["offsets"].toIntVector();
    double scale = ctx->saved_data["scale"].toDouble(), p = ctx->saved_data["p"].toDouble();
    auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    int64_t kv = k.size(1), heads = q.size(1);
    at::Tensor go = grads[0].contiguous();
    at::Tensor dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
    for (size_t i = 0; i + 1 < offsets.size(); i++) {
      int64_t start = offsets[i], len = offsets[i + 1] - start;
      at::Tensor qs = grouped(q.narrow(0, start, len), kv), gs = grouped(go.narrow(0, start, len), kv), os = grouped(o.narrow(0, start, len), kv);
      at::Tensor kt = k.narrow(0, start, len).permute({1, 2, 0}), vs = v.narrow(0, start, len).transpose(0, 1);
      at::Tensor delta = at::mul(gs, os).sum(-1, false, at::kFloat).contiguous();  // [KV, G*L]
      at::Tensor prob = at::bmm(qs, kt);
      by_rows(heads * len, prob, replay_f32, replay_bf16, static_cast<const float*>(lse.data_ptr<float>() + start * heads), len, static_cast<float>(scale));
      at::Tensor dp = at::bmm(gs, vs.transpose(1, 2));
      if (p > 0) {
        uint64_t k1 = segment_key(key, static_cast<int64_t>(i));
        dp = dropout_mask_apply(dp, p, k1);
        dv.narrow(0, start, len).copy_(at::bmm(dropout_mask_apply(prob, p, k1).transpose(1, 2), gs).transpose(0, 1));
      } else {
        dv.narrow(0, start, len).copy_(at::bmm(prob.transpose(1, 2), gs).transpose(0, 1));
      }
      at::parallel_for(0, heads * len, 16, [&](int64_t b, int64_t e) {
        if (is_bf16(q)) {
          score_grad_bf16(prob.data_ptr<bf16>(), dp.data_ptr<bf16>(), delta.data_ptr<float>(), len, static_cast<float>(scale), b, e);
        } else {
          score_grad_f32(prob.data_ptr<float>(), dp.data_ptr<float>(), delta.data_ptr<float>(), len, static_cast<float>(scale), b, e);
        }
      });
      dq.narrow(0, start, len).copy_(ungrouped(at::bmm(dp, kt.transpose(1, 2)), len));
      dk.narrow(0, start, len).copy_(at::bmm(dp.transpose(1, 2), qs).transpose(0, 1));
    }
    return {dq, dk, dv, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

// One query row against the first `length` rows of its slot in the cache, one key-value head and its group of queries.
template <class S>
EL_INLINE void cached_rows(const S* q, const S* k, const S* v, S* o, float* score, int64_t stride, int64_t length, int64_t group,
                           int64_t d, float scale) {
  for (int64_t g = 0; g < group; g++) {
    const S* qr = q + g * d;
    float most = -INFINITY;
    for (int64_t t = 0; t < length; t++) {
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < d; i++) sum += load(qr + i) * load(k + t * stride + i);
      score[t] = sum * scale;
      most = score[t] > most ? score[t] : most;
    }
    float total = 0;
    for (int64_t t = 0; t < length; t++) total += score[t] = exp_f(score[t] - most);
    float acc[512];
    for (int64_t i = 0; i < d; i++) acc[i] = 0;
    for (int64_t t = 0; t < length; t++) {
      float w = score[t] / total;
      for (int64_t i = 0; i < d; i++) acc[i] += w * load(v + t * stride + i);
    }
    for (int64_t i = 0; i < d; i++) store(o + g * d + i, acc[i]);
  }
}
EL_CLONES void cached_f32(const float* q, const float* k, const float* v, float* o, float* s, int64_t st, int64_t n, int64_t g, int64_t d, float sc) {
  cached_rows(q, k, v, o, s, st, n, g, d, sc);
}
EL_CLONES void cached_bf16(const bf16* q, const bf16* k, const bf16* v, bf16* o, float* s, int64_t st, int64_t n, int64_t g, int64_t d, float sc) {
  cached_rows(q, k, v, o, s, st, n, g, d, sc);
}

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_attention(el_tensor* out, el_tensor q, el_tensor k, el_tensor v, const int64_t* offsets, int noffsets, double scale, double p,
                   uint64_t key) {
  return guarded([&] {
    const at::Tensor &tq = T(q), &tk = T(k), &tv = T(v);
    check_float(tq, "q");
    TORCH_CHECK(tq.dim() == 3 && tk.dim() == 3 && tk.sizes() == tv.sizes() && tq.size(0) == tk.size(0) && tq.size(2) == tk.size(2) && tq.size(1) % tk.size(1) == 0, "q ", tq.sizes(), ", k ", tk.sizes(), ", v ", tv.sizes(), ", expected [tokens, heads, width] with heads a multiple of key heads");
    TORCH_CHECK(tq.scalar_type() == tk.scalar_type() && tq.scalar_type() == tv.scalar_type(), "q is ", tq.scalar_type(), ", k ", tk.scalar_type(), ", v ", tv.scalar_type());
    std::vector<int64_t> segments(offsets, offsets + noffsets);
    TORCH_CHECK(noffsets >= 2 && segments.front() == 0 && segments.back() == tq.size(0), "segments do not cover ", tq.size(0), " tokens");
    for (int i = 1; i < noffsets; i++) TORCH_CHECK(segments[i] > segments[i - 1], "segment ", i, " is empty");
    *out = own(Attention::apply(tq, tk, tv, segments, scale, p, static_cast<int64_t>(key)));
  });
}

char* el_cache_store(el_tensor cache, el_tensor x, const int64_t* slot, const int64_t* position, int n) {
  return guarded([&] {
    at::Tensor &c = T(cache), src = T(x).contiguous();
    TORCH_CHECK(c.dim() == 4 && src.dim() == 3 && src.size(0) == n && src.size(1) == c.size(2) && src.size(2) == c.size(3) && src.scalar_type() == c.scalar_type() && c.is_contiguous(), "cache ", c.sizes(), " cannot take ", src.sizes());
    size_t row = static_cast<size_t>(c.size(2) * c.size(3)) * c.element_size();
    for (int i = 0; i < n; i++) {
      TORCH_CHECK(slot[i] >= 0 && slot[i] < c.size(0) && position[i] >= 0 && position[i] < c.size(1), "slot ", slot[i], " position ", position[i], " lies outside the cache ", c.sizes());
      std::memcpy(static_cast<char*>(c.data_ptr()) + static_cast<size_t>(slot[i] * c.size(1) + position[i]) * row, static_cast<const char*>(src.data_ptr()) + static_cast<size_t>(i) * row, row);
    }
  });
}

char* el_cache_attention(el_tensor* out, el_tensor q, el_tensor k, el_tensor v, const int64_t* slot, const int64_t* length, int n, double scale) {
  return guarded([&] {
    at::Tensor tq = T(q).contiguous(), o = at::empty_like(tq);
    const at::Tensor &tk = T(k), &tv = T(v);
    check_float(tq, "q");
    int64_t kv = tk.size(2), d = tk.size(3), most = tk.size(1), group = tq.size(1) / kv, stride = kv * d;
    TORCH_CHECK(tq.dim() == 3 && tq.size(0) == n && tq.size(2) == d && tq.size(1) % kv == 0 && d <= 512 && tk.sizes() == tv.sizes() && tq.scalar_type() == tk.scalar_type(), "q ", tq.sizes(), " does not fit the cache ", tk.sizes());
    for (int i = 0; i < n; i++) TORCH_CHECK(slot[i] >= 0 && slot[i] < tk.size(0) && length[i] > 0 && length[i] <= most, "length ", length[i], " lies outside the cache ", tk.sizes());
    at::parallel_for(0, n * kv, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> score(static_cast<size_t>(most));
      for (int64_t j = begin; j < end; j++) {
        int64_t row = j / kv, head = j % kv;
        int64_t from = (slot[row] * most * kv + head) * d, at = (row * kv + head) * group * d;
        if (is_bf16(tq)) {
          cached_bf16(tq.data_ptr<bf16>() + at, tk.data_ptr<bf16>() + from, tv.data_ptr<bf16>() + from, o.data_ptr<bf16>() + at, score.data(), stride, length[row], group, d, static_cast<float>(scale));
        } else {
          cached_f32(tq.data_ptr<float>() + at, tk.data_ptr<float>() + from, tv.data_ptr<float>() + from, o.data_ptr<float>() + at, score.data(), stride, length[row], group, d, static_cast<float>(scale));
        }
      }
    });
    *out = own(o);
  });
}

}  // extern "C"
