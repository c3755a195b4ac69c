//go:build torch

package nn

import "elara/engine/tensor"

// Cache holds the keys and values of texts that are being generated, a row for each token, and says where the tokens of the
// pass lie in it.
type Cache struct {
	keys, values []*tensor.Tensor // per layer: [rows, key heads, width]
	tensor.Sight
}

// NewCache makes a cache without rows.
func NewCache(e *tensor.Engine, dtype tensor.DType, layers int, keyHeads, width int64) *Cache {
	c := &Cache{}
	for range layers {
		c.keys = append(c.keys, e.Zeros(dtype, 0, keyHeads, width).Pin())
		c.values = append(c.values, e.Zeros(dtype, 0, keyHeads, width).Pin())
	}
	return c
}

// Grow makes room for more rows; what is stored stays.
func (c *Cache) Grow(rows int64) {
	for _, list := range [][]*tensor.Tensor{c.keys, c.values} {
		for i, before := range list {
			list[i] = before.Grown(rows).Pin()
			before.Free()
		}
	}
}

// Free ends the cache.
func (c *Cache) Free() {
	for i := range c.keys {
		c.keys[i].Free()
		c.values[i].Free()
	}
}
