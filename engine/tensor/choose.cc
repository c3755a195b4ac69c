// The choice of the next token from a row of logits, in one or two passes over the vocabulary and without sorting it.
#include <algorithm>
#include <cmath>
#include <vector>

#include "border.h"
#include "kernel.h"
#include "native.h"

namespace elara {
namespace {

// The largest logit and where it stands first; `finite` is false for NaN and positive infinity.
EL_INLINE void top_of(const float* x, int64_t n, float* most, bool* finite) {
  float top = -INFINITY, bad = 0;
#pragma omp simd reduction(max : top) reduction(+ : bad)
  for (int64_t i = 0; i < n; i++) {
    top = x[i] > top ? x[i] : top;
    bad += x[i] < INFINITY ? 0.0f : 1.0f;
  }
  *most = top;
  *finite = bad == 0 && top > -INFINITY;
}
EL_CLONES void top_in(const float* x, int64_t n, float* most, bool* finite) { top_of(x, n, most, finite); }

// weight = exp((x - top) / T), and their sum, in double from block to block. What is impossible weighs nothing: exp_f stops short of 0.
constexpr int64_t kBlock = 1024;
EL_INLINE float weights_of(const float* x, float* weight, int64_t n, float top, float factor) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) {
    float e = exp_f((x[i] - top) * factor);
    e = x[i] > -INFINITY ? e : 0.0f;
    weight[i] = e;
    sum += e;
  }
  return sum;
}
EL_CLONES float weights_in(const float* x, float* weight, int64_t n, float top, float factor) { return weights_of(x, weight, n, top, factor); }

struct Row {
  const float* logits;
  int64_t n;
  std::vector<float>& weight;
  float top = 0;

  // The sum of all weights; blocks, when asked for, gets those of the blocks.
  double weigh(double temperature, std::vector<double>* blocks) {
    double total = 0;
    if (blocks != nullptr) blocks->clear();
    for (int64_t i = 0; i < n; i += kBlock) {
      double sum = weights_in(logits + i, weight.data() + i, std::min(kBlock, n - i), top, static_cast<float>(1 / temperature));
      total += sum;
      if (blocks != nullptr) blocks->push_back(sum);
    }
    return total;
  }
  double log_weight(int64_t id, double temperature) const { return (static_cast<double>(logits[id]) - top) / temperature; }
};

// Where a draw from [0, total) falls among all tokens, in the order of their ids.
int64_t among_all(const Row& row, const std::vector<double>& blocks, double draw) {
  size_t block = 0;
  while (block + 1 < blocks.size() && draw >= blocks[block]) draw -= blocks[block++];
  int64_t last = -1;
  for (int64_t i = static_cast<int64_t>(block) * kBlock, end = std::min(i + kBlock, row.n); i < end; i++) {
    if (row.weight[i] <= 0) continue;
    last = i;
    if ((draw -= row.weight[i]) < 0) break;
  }
  return last;
}

// Where the draw falls among the most probable tokens: at most top_k, and no more than it takes to reach top_p of the total. Equal
// ones stand in the order of their ids. Candidates are put in order by the hundred, until there are enough.
int64_t among_top(const Row& row, double total, const el_choice& c, std::vector<int32_t>& order) {
  order.clear();
  // Tokens below this cannot be among the fewest that reach top_p: all of them together are less than what may be missing.
  double least = c.top_p < 1 ? (1 - c.top_p) * total / static_cast<double>(row.n) : 0;
  for (int64_t i = 0; i < row.n; i++) {
    if (row.weight[i] > 0 && row.weight[i] >= least) order.push_back(static_cast<int32_t>(i));
  }
  auto before = [&](int32_t a, int32_t b) { return row.weight[a] > row.weight[b] || (row.weight[a] == row.weight[b] && a < b); };
  size_t most = c.top_k > 0 ? std::min(order.size(), static_cast<size_t>(c.top_k)) : order.size(), kept = 0, sorted = 0;
  double sum = 0, limit = c.top_p < 1 ? c.top_p * total : INFINITY;
  while (kept < most && (kept == 0 || sum < limit)) {
    if (kept == sorted) {
      sorted = std::min(most, std::max<size_t>(128, sorted * 4));
      auto begin = order.begin() + static_cast<int64_t>(kept), middle = order.begin() + static_cast<int64_t>(sorted);
      std::nth_element(begin, middle - 1, order.end(), before);
      std::sort(begin, middle, before);
    }
    sum += row.weight[order[kept++]];
  }
  double draw = c.draw * sum;
  for (size_t i = 0; i < kept; i++) {
    if ((draw -= row.weight[order[i]]) < 0) return order[i];
  }
  return order[kept - 1];
}

// Chooses one token; -1 where the logits are not finite.
void choose(const float* logits, int64_t n, const el_choice& c, int64_t* id, double* log_p, double* model_log_p) {
  thread_local std::vector<float> weight, allowed;
  thread_local std::vector<double> blocks;
  thread_local std::vector<int32_t> order;
  weight.resize(static_cast<size_t>(n));
  Row row{logits, n, weight};
  bool finite;
  top_in(logits, n, &row.top, &finite);
  if (!finite) return void(*id = -1);
  double temperature = c.temperature > 0 ? c.temperature : 1;
  double whole = c.log_p ? row.weigh(temperature, nullptr) : 0, model = c.log_p && temperature != 1 ? row.weigh(1, nullptr) : whole;
  Row from = row;
  if (c.barred > 0) {
    allowed.assign(logits, logits + n);
    for (int i = 0; i < c.barred; i++) {
      if (c.bar[i] >= 0 && c.bar[i] < n) allowed[c.bar[i]] = -INFINITY;
    }
    from.logits = allowed.data();
    top_in(from.logits, n, &from.top, &finite);
    TORCH_CHECK(finite, "every token of the vocabulary is barred");
  }
  if (c.temperature == 0) {
    *id = std::find(from.logits, from.logits + n, from.top) - from.logits;
  } else {
    double total = from.weigh(temperature, &blocks);
    bool all = c.top_p >= 1 && (c.top_k <= 0 || c.top_k >= n);
    *id = all ? among_all(from, blocks, c.draw * total) : among_top(from, total, c, order);
  }
  if (c.log_p) {
    *log_p = row.log_weight(*id, temperature) - std::log(whole);
    *model_log_p = row.log_weight(*id, 1) - std::log(model);
  }
}

}  // namespace
}  // namespace elara

using namespace elara;

extern "C" {

char* el_choose(int64_t* ids, double* log_p, double* model_log_p, el_tensor logits, const el_choice* choices, int n) {
  return guarded([&] {
    at::Tensor x = T(logits).to(at::kCPU, at::kFloat).contiguous();  // a GPU's too: the choice is the CPU's, with one set of rules
    TORCH_CHECK(x.dim() == 2 && x.size(0) == n && x.size(1) > 0, "logits are ", x.sizes(), ", expected [", n, ", vocabulary]");
    at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) choose(x.data_ptr<float>() + i * x.size(1), x.size(1), choices[i], ids + i, log_p + i, model_log_p + i);
    });
  });
}

}  // extern "C"
