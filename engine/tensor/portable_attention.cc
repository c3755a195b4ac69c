// Causal attention over a tree of segments for any device: what each segment sees is gathered, and attended as sequences of
// different lengths that lie end to end, by libtorch's flash attention or by plain products.
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <atomic>

#include "border.h"
#include "kernel.h"
#include "portable.h"

namespace elara::portable {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// Whether this process's GPU takes the flash attention of libtorch (Ampere or newer).
std::atomic<bool> has_flash{false};

// The tree laid out as independent sequences: sequence i has the rows of segment i as queries, and as keys all rows that its
// last token sees, its own at the end. So query t sees the keys up to the diagonal that ends in the lower right corner.
struct Layout {
  std::vector<int64_t> rows;           // of the stream, the keys of one sequence after the other
  std::vector<int64_t> queries, keys;  // borders of the sequences, one more than there are
  bool shared;                         // false: rows is 0, 1, 2, ...

  Layout(const std::vector<int64_t>& offsets, const std::vector<int64_t>& parents) : queries(offsets), keys{0}, shared(false) {
    for (size_t i = 0; i < parents.size(); i++) {
      std::vector<int64_t> chain;
      for (int64_t s = static_cast<int64_t>(i); s >= 0; s = parents[s]) chain.push_back(s);
      for (auto s = chain.rbegin(); s != chain.rend(); ++s) {
        for (int64_t row = offsets[*s]; row < offsets[*s + 1]; row++) rows.push_back(row);
      }
      keys.push_back(static_cast<int64_t>(rows.size()));
      shared = shared || parents[i] >= 0;
    }
  }
  // Rows x [tokens, ...] as keys, [keys, ...]; and the sum over all sequences of their gradients, back on the stream's rows.
  at::Tensor gather(const at::Tensor& x) const { return shared ? x.index_select(0, beside(x, rows)) : x; }
  at::Tensor spread(const at::Tensor& g, const at::Tensor& x) const {
    if (!shared) return g;
    return at::zeros(x.sizes(), x.options().dtype(at::kFloat)).index_add_(0, beside(x, rows), g.to(at::kFloat)).to(x.scalar_type());
  }
};

int64_t longest(const std::vector<int64_t>& borders) {
  int64_t most = 0;
  for (size_t i = 1; i < borders.size(); i++) most = std::max(most, borders[i] - borders[i - 1]);
  return most;
}

// Attention of independent sequences, whichever way it is computed.
struct Sequences {
  std::vector<int64_t> queries, keys;  // borders
  int64_t window;                      // 0: none
  double scale, p;
  uint64_t key;

  int64_t size() const { return static_cast<int64_t>(queries.size()) - 1; }
  at::Tensor part(const at::Tensor& x, const std::vector<int64_t>& borders, int64_t i) const { return x.narrow(0, borders[i], borders[i + 1] - borders[i]); }
  // As in the fused kernel: each segment draws its dropout from a key of its own.
  at::Tensor drop(const at::Tensor& x, int64_t i) const { return p > 0 ? dropped(x, p, key + 0x9E3779B97F4A7C15ull * static_cast<uint64_t>(i + 1)) : x; }
};

// [L, KV*G, D] to [KV, G*L, D] and back.
at::Tensor grouped(const at::Tensor& q, int64_t kv) {
  int64_t len = q.size(0), g = q.size(1) / kv, d = q.size(2);
  return q.reshape({len, kv, g, d}).permute({1, 2, 0, 3}).reshape({kv, g * len, d});
}
at::Tensor ungrouped(const at::Tensor& x, int64_t len) {
  int64_t kv = x.size(0), g = x.size(1) / len, d = x.size(2);
  return x.view({kv, g, len, d}).permute({2, 0, 1, 3}).reshape({len, kv * g, d});
}

// True where a query must not see a key: above the diagonal that ends in the lower right corner, or before the window.
at::Tensor hidden(int64_t queries, int64_t keys, int64_t window, const at::Device& device) {
  auto options = at::TensorOptions().dtype(at::kLong).device(device);
  at::Tensor own = at::arange(keys - queries, keys, options).unsqueeze_(1), key = at::arange(keys, options);
  at::Tensor mask = key.gt(own);
  return window > 0 ? mask.logical_or_(key.le(own.sub(window))) : mask;
}

// Plain products, one sequence after the other. Scores are scaled where they are added up, in float32: a float16 could not hold
// them before.
struct Plain {
  static at::Tensor scores(const at::Tensor& q, const at::Tensor& k, double scale, int64_t len, int64_t window) {
    at::Tensor s = at::baddbmm(at::zeros({}, q.options()), q, k.transpose(1, 2), 0, scale).to(at::kFloat);  // [KV, G*L, W]
    s.view({s.size(0), -1, len, s.size(2)}).masked_fill_(hidden(len, s.size(2), window, s.device()), -INFINITY);
    return s;
  }
  static tensor_list forward(const Sequences& s, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    int64_t kv = k.size(1);
    std::vector<at::Tensor> out, norms;
    for (int64_t i = 0; i < s.size(); i++) {
      at::Tensor qs = grouped(s.part(q, s.queries, i), kv), ks = s.part(k, s.keys, i).transpose(0, 1), vs = s.part(v, s.keys, i).transpose(0, 1);
      int64_t len = s.queries[i + 1] - s.queries[i];
      at::Tensor score = scores(qs, ks, s.scale, len, s.window), norm = score.logsumexp(-1, true);
      at::Tensor prob = s.drop(score.sub_(norm).exp_().to(q.scalar_type()), i);
      out.push_back(ungrouped(at::bmm(prob, vs), len));
      norms.push_back(norm.flatten());
    }
    return {at::cat(out), at::cat(norms)};
  }
  static tensor_list backward(const Sequences& s, const at::Tensor& go, const tensor_list& saved) {
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &o = saved[3], &lse = saved[4];
    int64_t kv = k.size(1), heads = q.size(1);
    std::vector<at::Tensor> dq, dk, dv;
    for (int64_t i = 0; i < s.size(); i++) {
      at::Tensor qs = grouped(s.part(q, s.queries, i), kv), gs = grouped(s.part(go, s.queries, i), kv), os = grouped(s.part(o, s.queries, i), kv);
      at::Tensor ks = s.part(k, s.keys, i).transpose(0, 1), vs = s.part(v, s.keys, i).transpose(0, 1);
      int64_t start = s.queries[i], len = s.queries[i + 1] - start;
      at::Tensor norm = lse.narrow(0, start * heads, len * heads).view({kv, -1, 1});
      at::Tensor prob = scores(qs, ks, s.scale, len, s.window).sub_(norm).exp_();
      at::Tensor delta = gs.to(at::kFloat).mul(os.to(at::kFloat)).sum(-1, true);
      dv.push_back(at::bmm(s.drop(prob.to(q.scalar_type()), i).transpose(1, 2), gs).transpose(0, 1));
      at::Tensor dp = s.drop(at::bmm(gs, vs.transpose(1, 2)), i).to(at::kFloat);
      at::Tensor ds = dp.sub_(delta).mul_(prob).mul_(s.scale).to(q.scalar_type());
      dq.push_back(ungrouped(at::bmm(ds, ks), len));
      dk.push_back(at::bmm(ds.transpose(1, 2), qs).transpose(0, 1));
    }
    return {at::cat(dq), at::cat(dk), at::cat(dv)};
  }
};

// libtorch's flash attention over sequences of different lengths (Dao, arXiv 2307.08691). Its diagonal ends in the lower right
// corner, too, and its window counts the keys to the left of a token, without itself.
struct Flash {
  static bool fits(const Sequences& s, const at::Tensor& q) {
    return has_flash && q.is_cuda() && s.p == 0 && q.scalar_type() != at::kFloat && q.size(2) % 8 == 0 && q.size(2) <= 256;
  }
  static at::Tensor borders(const std::vector<int64_t>& list, const at::Tensor& q) { return beside(q, list).to(at::kInt); }
  static std::optional<int64_t> left(const Sequences& s) { return s.window > 0 ? std::optional<int64_t>(s.window - 1) : std::nullopt; }
  static std::optional<int64_t> right(const Sequences& s) { return s.window > 0 ? std::optional<int64_t>(0) : std::nullopt; }

  static tensor_list forward(const Sequences& s, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    auto [out, lse, seed, unused, debug] = at::_flash_attention_forward(
        q, k, v, borders(s.queries, q), borders(s.keys, q), longest(s.queries), longest(s.keys), 0.0, true, false, s.scale, left(s), right(s));
    return {out, lse, seed, unused};
  }
  static tensor_list backward(const Sequences& s, const at::Tensor& go, const tensor_list& saved) {
    const at::Tensor& q = saved[0];
    auto [dq, dk, dv] = at::_flash_attention_backward(
        go, q, saved[1], saved[2], saved[3], saved[4], borders(s.queries, q), borders(s.keys, q), longest(s.queries), longest(s.keys), 0.0, true,
        saved[5], saved[6], s.scale, left(s), right(s));
    return {dq, dk, dv};
  }
};

struct Attention : public Function<Attention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q_, const at::Tensor& k_, const at::Tensor& v_, const std::vector<int64_t>& offsets,
                            const std::vector<int64_t>& parents, int64_t window, double scale, double p, int64_t key) {
    at::Tensor q = q_.contiguous(), k = k_.contiguous(), v = v_.contiguous();
    ctx->saved_data["offsets"] = offsets;
    ctx->saved_data["parents"] = parents;
    ctx->saved_data["window"] = window;
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    Layout layout(offsets, parents);
    Sequences s = sequences(ctx, layout);
    at::Tensor ks = layout.gather(k), vs = layout.gather(v);
    bool flash = Flash::fits(s, q);
    ctx->saved_data["flash"] = flash;
    tensor_list made = flash ? Flash::forward(s, q, ks, vs) : Plain::forward(s, q, ks, vs);
    tensor_list saved{q, k, v};
    saved.insert(saved.end(), made.begin(), made.end());
    ctx->save_for_backward(saved);
    return made[0];
  }

  // What was gathered is gathered again: kept, it would take the memory that sharing saves.
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto saved = ctx->get_saved_variables();
    Layout layout(ctx->saved_data["offsets"].toIntVector(), ctx->saved_data["parents"].toIntVector());
    Sequences s = sequences(ctx, layout);
    at::Tensor k = saved[1], v = saved[2], go = grads[0].contiguous();
    saved[1] = layout.gather(k);
    saved[2] = layout.gather(v);
    tensor_list d = ctx->saved_data["flash"].toBool() ? Flash::backward(s, go, saved) : Plain::backward(s, go, saved);
    tensor_list out{d[0], layout.spread(d[1], k), layout.spread(d[2], v)};
    out.resize(9);
    return out;
  }

 private:
  static Sequences sequences(AutogradContext* ctx, const Layout& layout) {
    return {layout.queries, layout.keys, ctx->saved_data["window"].toInt(), ctx->saved_data["scale"].toDouble(), ctx->saved_data["p"].toDouble(),
            static_cast<uint64_t>(ctx->saved_data["key"].toInt())};
  }
};

}  // namespace

// Whether the kernels run on a GPU is known to them alone: they are asked with one token. Their refusal is an answer, not an
// error, for there is another way; a GPU that is out of memory or broken has not answered.
void probe_flash(const at::Device& device) {
  at::Tensor x = at::zeros({1, 1, 8}, at::TensorOptions().dtype(at::kHalf).device(device));
  try {
    Flash::forward({{0, 1}, {0, 1}, 0, 1.0, 0.0, 0}, x, x, x);
    has_flash = true;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& e) {
    if (std::string(e.what_without_backtrace()).find("CUDA error") != std::string::npos) throw;
    has_flash = false;
  }
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::vector<int64_t> offsets, std::vector<int64_t> parents,
                     int64_t window, double scale, double p, uint64_t key) {
  check_float(q, "q");
  return Attention::apply(q, k, v, std::move(offsets), std::move(parents), window, scale, p, static_cast<int64_t>(key));
}

}  // namespace elara::portable
