//go:build torch

package tensor

// #include "native.h"
import "C"

// Key selects one random stream. Element i of a stream is a function of the key and i alone (Philox4x32-10), so there is no
// generator state to save, and nothing that one use can disturb in another.
type Key uint64

// Derive makes an independent key from this one and a number: a step, a layer, an adapter's index.
func (k Key) Derive(n uint64) Key {
	z := uint64(k) + 0x9E3779B97F4A7C15*(n+1)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return Key(z ^ (z >> 31))
}

// Named makes an independent key from this one and a purpose, by FNV-1a over its bytes.
func (k Key) Named(purpose string) Key {
	h := uint64(0xcbf29ce484222325)
	for _, b := range []byte(purpose) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return k.Derive(h)
}

// Uniform fills a float32 tensor with draws from [low, high).
func (t *Tensor) Uniform(low, high float64, key Key) *Tensor {
	check("uniform", C.el_fill_uniform(ptr(t), C.double(low), C.double(high), C.uint64_t(key)), t)
	return t
}

// Normal fills a float32 tensor with draws of the given mean and standard deviation.
func (t *Tensor) Normal(mean, std float64, key Key) *Tensor {
	check("normal", C.el_fill_normal(ptr(t), C.double(mean), C.double(std), C.uint64_t(key)), t)
	return t
}

// Unit is one draw from [0, 1), for choices that are made outside a tensor.
func (k Key) Unit() float64 { return float64(uint64(k.Derive(0))>>11) / (1 << 53) }
