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
// values are stored, and every token sees the rows of the cache that the pass names.
// q: [tokens, heads, width], k and v: [tokens, key heads, width]; the result has q's shape.
func (a Attention) Attend(p *Pass, layer int, q, k, v *tensor.Tensor) *tensor.Tensor {
	if c := p.Cache; c != nil {
		return tensor.CacheAttention(q, k, v, c.keys[layer], c.values[layer], c.Sight, a.Window, a.Scale)
	}
	return tensor.Attention(q, k, v, p.Segments, a.Window, a.Scale, p.dropout(a.Dropout), p.Key.Named("attention").Derive(uint64(layer)))
}
