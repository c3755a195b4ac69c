//go:build torch

package nn

import "elara/engine/tensor"

// Attend is causal attention of one layer. Without a cache every token sees its own segment up to itself; with one, keys and
// values are stored, and rows that continue a sequence see what the cache holds.
// q: [tokens, heads, width], k and v: [tokens, key heads, width]; the result has q's shape.
func Attend(p *Pass, layer int, q, k, v *tensor.Tensor, scale, dropout float64) *tensor.Tensor {
	if p.Cache == nil {
		return tensor.Attention(q, k, v, p.Offsets, scale, p.dropout(dropout), p.Key.Named("attention").Derive(uint64(layer)))
	}
	c := p.Cache
	tensor.CacheStore(c.K[layer], k, c.Slot, p.Positions)
	tensor.CacheStore(c.V[layer], v, c.Slot, p.Positions)
	if c.Prefill {
		return tensor.Attention(q, k, v, p.Offsets, scale, 0, 0)
	}
	length := make([]int64, len(p.Positions))
	for i, at := range p.Positions {
		length[i] = at + 1
	}
	return tensor.CacheAttention(q, c.K[layer], c.V[layer], c.Slot, length, scale)
}

// Cache holds the keys and values of sequences that are being generated, one slot each.
type Cache struct {
	K, V    []*tensor.Tensor // per layer: [slots, positions, key heads, width]
	Slot    []int64          // slot of each token of the pass
	Prefill bool             // the pass holds whole prompts; else one token per row
}

// NewCache makes room for slots sequences of up to positions tokens.
func NewCache(e *tensor.Engine, dtype tensor.DType, layers int, slots, positions, keyHeads, width int64) *Cache {
	c := &Cache{}
	for range layers {
		c.K = append(c.K, e.Zeros(dtype, slots, positions, keyHeads, width))
		c.V = append(c.V, e.Zeros(dtype, slots, positions, keyHeads, width))
	}
	return c
}
