//go:build torch

package nn

import "elara/engine/tensor"

// Attention describes a layer's causal attention.
type Attention struct {
	Scale   float64 // of the scores
	Dropout float64 // on the weights, while training
	Window  int64   // how many tokens each one sees, itself among them; 0: all before it
}

// Attend is the attention of one layer. Without a cache every token sees its own sequence up to itself; with one, keys and
// values are stored, and rows that continue a sequence see what the cache holds.
// q: [tokens, heads, width], k and v: [tokens, key heads, width]; the result has q's shape.
func (a Attention) Attend(p *Pass, layer int, q, k, v *tensor.Tensor) *tensor.Tensor {
	if p.Cache == nil {
		return tensor.Attention(q, k, v, p.Segments, a.Window, a.Scale, p.dropout(a.Dropout), p.Key.Named("attention").Derive(uint64(layer)))
	}
	c := p.Cache
	tensor.CacheStore(c.K[layer], k, c.Slot, p.Positions)
	tensor.CacheStore(c.V[layer], v, c.Slot, p.Positions)
	if c.Prefill {
		return tensor.Attention(q, k, v, p.Segments, a.Window, a.Scale, 0, 0)
	}
	length := make([]int64, len(p.Positions))
	for i, at := range p.Positions {
		length[i] = at + 1
	}
	return tensor.CacheAttention(q, c.K[layer], c.V[layer], c.Slot, length, a.Window, a.Scale)
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
