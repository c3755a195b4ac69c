// Causal attention inside each segment of a packed stream.
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "border.h"
#include "kernel.h"
#include "native.h"
#include "portable.h"

namespace elara {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// The scores of one segment lie as [KV, G, L] x [past + L]: its own L tokens see the `past` tokens of the segments it goes on
// from, and themselves up to the diagonal. With a window, a token sees that many tokens, itself among them.
struct Shape {
  int64_t len, past, window;  // window 0: all
  int64_t width() const { return past + len; }
  int64_t end(int64_t row) const { return past + row % len + 1; }
  int64_t begin(int64_t row) const { return window > 0 && end(row) > window ? end(row) - window : 0; }
};

template <class S>
EL_INLINE void blank(S* row, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i++) store(row + i, 0.0f);
}

template <class S>
EL_INLINE void softmax_rows(S* s, float* lse, const Shape& shape, float scale, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    S* row = s + r * shape.width();
    int64_t first = shape.begin(r), last = shape.end(r);
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (int64_t i = first; i < last; i++) most = load(row + i) > most ? load(row + i) : most;
    float top = most * scale, sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = first; i < last; i++) sum += exp_f(load(row + i) * scale - top);
    float norm = top + std::log(sum);
    lse[r] = norm;
    blank(row, 0, first);
    for (int64_t i = first; i < last; i++) store(row + i, exp_f(load(row + i) * scale - norm));
    blank(row, last, shape.width());
  }
}
EL_CLONES void softmax_f32(float* s, float* lse, const Shape& w, float scale, int64_t b, int64_t e) { softmax_rows(s, lse, w, scale, b, e); }
EL_CLONES void softmax_bf16(bf16* s, float* lse, const Shape& w, float scale, int64_t b, int64_t e) { softmax_rows(s, lse, w, scale, b, e); }

// p = exp(s * scale - lse) again, from the scores.
template <class S>
EL_INLINE void replay_rows(S* s, const float* lse, const Shape& shape, float scale, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    S* row = s + r * shape.width();
    int64_t first = shape.begin(r), last = shape.end(r);
    blank(row, 0, first);
    for (int64_t i = first; i < last; i++) store(row + i, exp_f(load(row + i) * scale - lse[r]));
    blank(row, last, shape.width());
  }
}
EL_CLONES void replay_f32(float* s, const float* lse, const Shape& w, float scale, int64_t b, int64_t e) { replay_rows(s, lse, w, scale, b, e); }
EL_CLONES void replay_bf16(bf16* s, const float* lse, const Shape& w, float scale, int64_t b, int64_t e) { replay_rows(s, lse, w, scale, b, e); }

// ds = p * (dp - delta) * scale, written over dp.
template <class S>
EL_INLINE void score_grad_rows(const S* p, S* dp, const float* delta, const Shape& shape, float scale, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    const S* pr = p + r * shape.width();
    S* dr = dp + r * shape.width();
    int64_t first = shape.begin(r), last = shape.end(r);
    blank(dr, 0, first);
    for (int64_t i = first; i < last; i++) store(dr + i, load(pr + i) * (load(dr + i) - delta[r]) * scale);
    blank(dr, last, shape.width());
  }
}
EL_CLONES void score_grad_f32(const float* p, float* dp, const float* delta, const Shape& w, float scale, int64_t b, int64_t e) {
  score_grad_rows(p, dp, delta, w, scale, b, e);
}
EL_CLONES void score_grad_bf16(const bf16* p, bf16* dp, const float* delta, const Shape& w, float scale, int64_t b, int64_t e) {
  score_grad_rows(p, dp, delta, w, scale, b, e);
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

constexpr int64_t kBlock = 192;  // rows; shorter blocks cost more in calls than they save in products

// Where the segments of a packed stream lie, and which segment each goes on from.
struct Segments {
  std::vector<int64_t> offsets, parents;  // parents: -1 for a segment that begins a sequence
  int64_t window;

  int64_t size() const { return static_cast<int64_t>(parents.size()); }
  int64_t start(int64_t i) const { return offsets[i]; }
  int64_t len(int64_t i) const { return offsets[i + 1] - offsets[i]; }
  // A block is `shape.len` rows of a segment from row `begin` of the stream on. It multiplies no keys that come after all of it, so
  // of a long segment little more than the triangle under the diagonal is computed. Dropout draws for a segment as a whole.
  struct Block {
    int64_t begin;
    Shape shape;
  };
  std::vector<Block> blocks(int64_t i, double p) const {
    Shape all = shape(i);
    int64_t n = p > 0 ? 1 : (all.len + kBlock - 1) / kBlock;
    std::vector<Block> list;
    for (int64_t b = 0; b < n; b++) {
      int64_t from = all.len * b / n, to = all.len * (b + 1) / n;
      list.push_back({start(i) + from, {to - from, all.past + from, window}});
    }
    return list;
  }
  bool shared() const { return std::any_of(parents.begin(), parents.end(), [](int64_t p) { return p >= 0; }); }
  // The segments that i goes on from, the first one first, and i itself.
  std::vector<int64_t> chain(int64_t i) const {
    std::vector<int64_t> up;
    for (; i >= 0; i = parents[i]) up.push_back(i);
    return {up.rbegin(), up.rend()};
  }
  Shape shape(int64_t i) const {
    int64_t past = 0;
    for (int64_t p = parents[i]; p >= 0; p = parents[p]) past += len(p);
    return {len(i), past, window};
  }
  // All rows of x [tokens, ...] that segment i sees: [past + len, ...]. Nothing is copied where it begins a sequence.
  at::Tensor seen(const at::Tensor& x, int64_t i) const {
    if (parents[i] < 0) return x.narrow(0, start(i), len(i));
    std::vector<at::Tensor> parts;
    for (int64_t s : chain(i)) parts.push_back(x.narrow(0, start(s), len(s)));
    return at::cat(parts);
  }
  // Adds g [past + len, ...] to the rows of x that segment i sees.
  void spread(at::Tensor& x, const at::Tensor& g, int64_t i) const {
    int64_t at = 0;
    for (int64_t s : chain(i)) {
      x.narrow(0, start(s), len(s)).add_(g.narrow(0, at, len(s)));
      at += len(s);
    }
  }
  // Does one(i) for every segment. Many segments are shared out among the threads, which costs one meeting of them instead of
  // one an operation; where a single one is most of the work, its operations are. What one(i) writes is its own.
  template <class F>
  void each(const F& one) const {
    std::vector<int64_t> work, order(size());
    for (int64_t i = 0; i < size(); i++) work.push_back(len(i) * shape(i).width());
    int64_t threads = at::get_num_threads(), all = std::accumulate(work.begin(), work.end(), int64_t{0});
    if (threads == 1 || *std::max_element(work.begin(), work.end()) * threads > all) {
      for (int64_t i = 0; i < size(); i++) one(i);
      return;
    }
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return work[a] > work[b]; });
    std::atomic<int64_t> next{0};
    at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
      at::AutoDispatchBelowADInplaceOrView below;  // the caller's mode does not reach the other threads
      for (int64_t k; (k = next++) < size();) one(order[k]);
    });
  }
};

struct Attention : public Function<Attention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q_, const at::Tensor& k_, const at::Tensor& v_,
                            const Segments& segments, double scale, double p, int64_t key) {
    at::Tensor q = q_.contiguous(), k = k_.contiguous(), v = v_.contiguous();
    int64_t kv = k.size(1), heads = q.size(1);
    at::Tensor o = at::empty_like(q), lse = at::empty({q.size(0) * heads}, q.options().dtype(at::kFloat));
    segments.each([&](int64_t i) {
      at::Tensor ks = segments.seen(k, i).permute({1, 2, 0});  // [KV, D, past + L]
      at::Tensor vs = segments.seen(v, i).transpose(0, 1);     // [KV, past + L, D]
      for (const auto& [begin, shape] : segments.blocks(i, p)) {
        at::Tensor s = at::bmm(grouped(q.narrow(0, begin, shape.len), kv), ks.narrow(2, 0, shape.width()));
        by_rows(heads * shape.len, s, softmax_f32, softmax_bf16, lse.data_ptr<float>() + begin * heads, shape, static_cast<float>(scale));
        if (p > 0) s = dropout_mask_apply(s, p, segment_key(static_cast<uint64_t>(key), i));
        o.narrow(0, begin, shape.len).copy_(ungrouped(at::bmm(s, vs.narrow(1, 0, shape.width())), shape.len));
      }
    });
    ctx->save_for_backward({q, k, v, o, lse});
    ctx->saved_data["offsets"] = segments.offsets;
    ctx->saved_data["parents"] = segments.parents;
    ctx->saved_data["window"] = segments.window;
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    return o;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &o = saved[3], &lse = saved[4];
    Segments segments{ctx->saved_data["offsets"].toIntVector(), ctx->saved_data["parents"].toIntVector(), ctx->saved_data["window"].toInt()};
    double scale = ctx->saved_data["scale"].toDouble(), p = ctx->saved_data["p"].toDouble();
    auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    int64_t kv = k.size(1), heads = q.size(1);
    bool shared = segments.shared();
    at::Tensor go = grads[0].contiguous(), dq = at::empty_like(q);
    // What many segments see collects a gradient from each: in float32, whatever the stream's type is, and in their order.
    auto sums = [&](const at::Tensor& x) { return shared ? at::zeros(x.sizes(), x.options().dtype(at::kFloat)) : at::empty_like(x); };
    at::Tensor dk = sums(k), dv = sums(v);
    std::vector<at::Tensor> dks(segments.size()), dvs(segments.size());  // [KV, past + L, D] of each segment, where they are summed
    auto put = [&](at::Tensor& into, std::vector<at::Tensor>& kept, const at::Tensor& g, int64_t i) {
      if (shared) {
        kept[i] = g;
      } else {
        into.narrow(0, segments.start(i), segments.len(i)).copy_(g.transpose(0, 1));
      }
    };
    auto add = [](at::Tensor& sum, const at::Tensor& g, bool more) {  // the first g is the widest
      if (sum.defined()) {
        sum.narrow(1, 0, g.size(1)).add_(g);
      } else {
        sum = more ? g.to(at::kFloat) : g;
      }
    };
    segments.each([&](int64_t i) {
      at::Tensor kt = segments.seen(k, i).permute({1, 2, 0}), vs = segments.seen(v, i).transpose(0, 1), gk, gv;
      auto blocks = segments.blocks(i, p);
      for (auto b = blocks.rbegin(); b != blocks.rend(); b++) {
        int64_t begin = b->begin;
        const Shape& shape = b->shape;
        auto rows = [&](const at::Tensor& x) { return grouped(x.narrow(0, begin, shape.len), kv); };
        at::Tensor qs = rows(q), gs = rows(go), ks = kt.narrow(2, 0, shape.width());
        at::Tensor delta = at::mul(gs, rows(o)).sum(-1, false, at::kFloat).contiguous();  // [KV, G*L]
        at::Tensor prob = at::bmm(qs, ks);
        by_rows(heads * shape.len, prob, replay_f32, replay_bf16, static_cast<const float*>(lse.data_ptr<float>() + begin * heads), shape, static_cast<float>(scale));
        at::Tensor dp = at::bmm(gs, vs.narrow(1, 0, shape.width()).transpose(1, 2)), kept = prob;
        if (p > 0) {
          uint64_t k1 = segment_key(key, i);
          dp = dropout_mask_apply(dp, p, k1);
          kept = dropout_mask_apply(prob, p, k1);
        }
        add(gv, at::bmm(kept.transpose(1, 2), gs), blocks.size() > 1);
        at::parallel_for(0, heads * shape.len, 16, [&](int64_t from, int64_t to) {
          if (is_bf16(q)) {
            score_grad_bf16(prob.data_ptr<bf16>(), dp.data_ptr<bf16>(), delta.data_ptr<float>(), shape, static_cast<float>(scale), from, to);
          } else {
            score_grad_f32(prob.data_ptr<float>(), dp.data_ptr<float>(), delta.data_ptr<float>(), shape, static_cast<float>(scale), from, to);
          }
        });
        dq.narrow(0, begin, shape.len).copy_(ungrouped(at::bmm(dp, ks.transpose(1, 2)), shape.len));
        add(gk, at::bmm(dp.transpose(1, 2), qs), blocks.size() > 1);
      }
      put(dv, dvs, gv, i);
      put(dk, dks, gk, i);
    });
    for (int64_t i = 0; shared && i < segments.size(); i++) {
      segments.spread(dk, dks[i].transpose(0, 1), i);
      segments.spread(dv, dvs[i].transpose(0, 1), i);
    }
    return {dq, dk.to(k.scalar_type()), dv.to(v.scalar_type()), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_attention(el_tensor* out, el_tensor q, el_tensor k, el_tensor v, const int64_t* offsets, const int64_t* parents, int n,
                   int64_t window, double scale, double p, uint64_t key) {
  return guarded([&] {
    const at::Tensor &tq = T(q), &tk = T(k), &tv = T(v);
    if (!portable::wanted(tq)) check_float(tq, "q");
    TORCH_CHECK(tq.dim() == 3 && tk.dim() == 3 && tk.sizes() == tv.sizes() && tq.size(0) == tk.size(0) && tq.size(2) == tk.size(2) && tq.size(1) % tk.size(1) == 0, "q ", tq.sizes(), ", k ", tk.sizes(), ", v ", tv.sizes(), ", expected [tokens, heads, width] with heads a multiple of key heads");
    TORCH_CHECK(tq.scalar_type() == tk.scalar_type() && tq.scalar_type() == tv.scalar_type(), "q is ", tq.scalar_type(), ", k ", tk.scalar_type(), ", v ", tv.scalar_type());
    TORCH_CHECK(n >= 1 && offsets[0] == 0 && offsets[n] == tq.size(0), "segments do not cover ", tq.size(0), " tokens");
    Segments segments{{offsets, offsets + n + 1}, {parents, parents + n}, window};
    for (int i = 0; i < n; i++) {
      TORCH_CHECK(segments.len(i) > 0, "segment ", i + 1, " is empty");
      TORCH_CHECK(parents[i] >= -1 && parents[i] < i, "segment ", i + 1, " goes on from ", parents[i] + 1, ", expected one before it");
    }
    if (portable::wanted(tq)) return void(*out = own(portable::attention(tq, tk, tv, segments.offsets, segments.parents, window, scale, p, key)));
    *out = own(Attention::apply(tq, tk, tv, segments, scale, p, static_cast<int64_t>(key)));
  });
}

}  // extern "C"
