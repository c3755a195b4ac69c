/* The C border of engine/tensor's own C++ files: what gotch/libtch lacks, and the fused kernels.
 * A tensor is a pointer to at::Tensor, as in gotch's torch_api.h. Every function returns NULL, or a message that the
 * caller frees. Results are new tensors that the caller owns. */
#ifndef ELARA_NATIVE_H
#define ELARA_NATIVE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef void *el_tensor;

/* runtime.cc */
/* before the first tensor of a thread; 0 threads: libtorch's choice; device: -1 for the CPU, or the number of a GPU;
 * portable: compute on the CPU as on a GPU */
char *el_start(int threads, int device, int portable);
char *el_trim(int device); /* gives freed memory back to the kernel, and the GPU's to its driver */
char *el_synchronize(int device); /* waits until all that was asked of a GPU is done */
char *el_peak_memory(int64_t *bytes, int device); /* the most that tensors have held on a GPU */
int el_get_threads(void);
void el_free(const el_tensor *list, int n); /* destructors do not throw */
char *el_empty(el_tensor *out, const int64_t *shape, int ndim, int dtype, int device);
char *el_from_data(el_tensor *out, const void *data, const int64_t *shape, int ndim, int dtype, int device);
char *el_to_host(el_tensor t, void *data, size_t bytes);
char *el_fill_uniform(el_tensor t, double low, double high, uint64_t key);
char *el_fill_normal(el_tensor t, double mean, double std, uint64_t key);
char *el_set_requires_grad(el_tensor t, int on);
char *el_grad(el_tensor *out, el_tensor t); /* *out is NULL where there is none yet */
char *el_zero_grad(el_tensor t);
char *el_backward(el_tensor loss, el_tensor grad); /* grad: of the loss, or NULL where that is a scalar */

/* linear.cc */
char *el_linear(el_tensor *out, el_tensor x, el_tensor w, el_tensor bias);
typedef struct {
  el_tensor a, b;     /* float32 [r, in], [out, r] */
  int64_t begin, end; /* rows of the stream */
  double scale, p;    /* p: dropout */
  uint64_t key;
} el_branch;
char *el_lora_linear(el_tensor *out, el_tensor x, el_tensor w, el_tensor bias, const el_branch *branches, int n);
char *el_dropout(el_tensor *out, el_tensor x, double p, uint64_t key);
char *el_row_norms(el_tensor *out, el_tensor w, el_tensor a, el_tensor b, double scale); /* of w + scale * b a */

/* layers.cc */
char *el_rms_norm(el_tensor *out, el_tensor x, el_tensor w, double eps);
char *el_rope(el_tensor *out, el_tensor x, el_tensor cos, el_tensor sin, el_tensor positions);
char *el_swiglu(el_tensor *out, el_tensor gate, el_tensor up);
char *el_gelu(el_tensor *out, el_tensor x);

/* attention.cc */
/* offsets: n + 1 borders; parents: n, the segment that each goes on from, or -1; window 0: none */
char *el_attention(el_tensor *out, el_tensor q, el_tensor k, el_tensor v, const int64_t *offsets, const int64_t *parents, int n,
                   int64_t window, double scale, double p, uint64_t key);

/* rows.cc */
/* without a graph; a row's result does not depend on the rows beside it; logits: the result is float32 whatever x is */
char *el_linear_rows(el_tensor *out, el_tensor x, el_tensor w, el_tensor bias, const el_branch *branches, int n, int logits);

/* cache.cc */
typedef struct {
  const int64_t *row;            /* of each token in the cache: where its key and value go */
  const int64_t *begin, *length; /* the part of rows that each token sees, itself at the end */
  const int32_t *rows;
  int64_t tokens, count; /* count: of rows */
} el_sight;
/* stores k and v [tokens, key heads, width] in the cache [rows, key heads, width] and attends over it */
char *el_cache_attention(el_tensor *out, el_tensor q, el_tensor k, el_tensor v, el_tensor keys, el_tensor values, const el_sight *s,
                         int64_t window, double scale);
char *el_grown(el_tensor *out, el_tensor t, int64_t rows); /* a copy with more rows; the new ones hold anything */

/* choose.cc */
typedef struct {
  double temperature, top_p, draw; /* temperature 0: the most probable; draw: from [0, 1) */
  int64_t top_k;                   /* 0: all */
  const int32_t *bar;              /* tokens that may not be chosen */
  int barred, log_p;               /* log_p: whether probabilities are asked for */
} el_choice;
/* ids: -1 where a row of logits is not finite */
char *el_choose(int64_t *ids, double *log_p, double *model_log_p, el_tensor logits, const el_choice *choices, int n);

/* loss.cc */
char *el_linear_cross_entropy(el_tensor *sum, el_tensor *nll, el_tensor h, el_tensor w, el_tensor targets,
                              el_tensor weights, double smoothing, int64_t chunk); /* weights: NULL or float32, one per row */

/* distribution.cc */
/* slope: NULL where the derivatives by h are not wanted */
char *el_linear_log_probs(el_tensor *logprobs, el_tensor *entropy, el_tensor *slope, el_tensor h, el_tensor w, el_tensor targets,
                          int64_t chunk);

/* divergence.cc */
/* what a student is held to: hidden and head, or ids and log_probs; the others are NULL */
typedef struct {
  el_tensor hidden, head, ids, log_probs;
} el_teacher;
char *el_linear_divergence(el_tensor *sum, el_tensor *divergence, el_tensor *nll, el_tensor h, el_tensor w, el_tensor targets,
                           el_tensor weights, const el_teacher *teacher, double beta, double temperature, double share,
                           int64_t chunk); /* weights: NULL or float32, one per row */
char *el_linear_top_log_probs(el_tensor *ids, el_tensor *log_probs, el_tensor h, el_tensor w, int64_t k, double temperature,
                              int64_t chunk);

/* linalg.cc */
char *el_svd(el_tensor *u, el_tensor *s, el_tensor *vh, el_tensor a); /* reduced */
char *el_qr(el_tensor *q, el_tensor *r, el_tensor a);                 /* reduced */
char *el_hollow(el_tensor *out, const int64_t *shape, int ndim, int dtype, int device);
char *el_become(el_tensor t, el_tensor other); /* t shares the elements of other from now on */

/* optim.cc */
char *el_grad_norm(double *out, const el_tensor *params, int n);
char *el_scale_grads(const el_tensor *params, int n, double factor);
char *el_adamw(const el_tensor *params, const el_tensor *m, const el_tensor *v, int n, int64_t step, double lr, double beta1,
               double beta2, double eps, double weight_decay);

#ifdef __cplusplus
}
#endif
#endif
