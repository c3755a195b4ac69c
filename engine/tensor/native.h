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
char *el_cache_store(el_tensor cache, el_tensor x, const int64_t *slot, const int64_t *position, int n);
char *el_cache_attention(el_tensor *out, el_tensor q, el_tensor k, el_tensor v, const int64_t *slot, const int64_t *length, int n,
                         int64_t window, double scale);

/* loss.cc */
char *el_linear_cross_entropy(el_tensor *sum, el_tensor *nll, el_tensor h, el_tensor w, el_tensor targets,
                              el_tensor weights, double smoothing, int64_t chunk); /* weights: NULL or float32, one per row */

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
