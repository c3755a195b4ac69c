//go:build torch

package model

import (
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Model is a causal language model with frozen weights.
type Model interface {
	// Hidden runs all layers and the last norm: [tokens, width].
	Hidden(p *nn.Pass) *tensor.Tensor
	// Head is the output embedding: [vocabulary, width].
	Head() *tensor.Tensor
	// Linears lists every linear layer inside the blocks, in the order of the forward pass.
	Linears() []*nn.Linear
	// Embeddings gives the input embedding and, where it is a matrix of its own, the output embedding.
	Embeddings() []*Embedding
	// Weights lists every loaded tensor.
	Weights() []*tensor.Tensor
	// Buffers lists pinned tensors that are computed, not loaded.
	Buffers() []*tensor.Tensor
	// Stored lists what a checkpoint of the model holds, under the names and in the order of transformers' state dict; a tied
	// head is not listed.
	Stored() []Stored
	// Config is the config.json of the model as it is now, with weights of a type: what was read, with the vocabulary's size.
	Config(dtype tensor.DType) ([]byte, error)
	// NewCache makes room for generating slots sequences of up to positions tokens each.
	NewCache(slots, positions int64) *nn.Cache
	// Facts are the numbers others need.
	Facts() Facts
}

// Embedding is a [vocabulary, width] matrix that a new token makes larger.
type Embedding struct {
	Name   string // full module name in transformers, such as model.embed_tokens
	Weight *tensor.Tensor
}

// Facts describe a loaded model.
type Facts struct {
	Architecture string // transformers' model_type
	Vocabulary   int64
	Width        int64
	Layers       int
	MaxPositions int64
	DType        tensor.DType
	TiedHead     bool

	EOS []int32 // tokens that end a text by the configuration; none where it names none
	Pad []int32 // its padding token, or none; transformers gives the embedding row of it no gradient

	// CountsFirstToken is true where transformers' Trainer (5.23) divides the loss by all labels of a row, its first token
	// included, though that one is never predicted: for classes whose name its loss table does not know, such as
	// GPT2LMHeadModel.
	CountsFirstToken bool
}

// Resize adds rows to every embedding until the vocabulary has size rows; new rows are the mean of the old ones, which is
// where transformers' mean resizing draws them from, without its noise of variance 1e-9. A smaller size changes nothing.
func Resize(m Model, size int64) {
	for _, emb := range m.Embeddings() {
		have := emb.Weight.Size(0)
		if size <= have {
			continue
		}
		e := emb.Weight.Engine()
		old := emb.Weight
		e.Scope(func() {
			mean := old.To(tensor.Float32).Mean(0).To(old.DType())
			parts := []*tensor.Tensor{old}
			for range size - have {
				parts = append(parts, mean)
			}
			emb.Weight = tensor.Cat(0, parts...).Pin()
		})
		old.Free()
	}
}

// Parameters counts the weights, tied matrices once, as transformers counts them.
func Parameters(m Model) int64 {
	var n int64
	for _, w := range m.Weights() {
		n += w.Numel()
	}
	return n
}

// Free ends all weights and buffers of a model.
func Free(m Model) {
	for _, w := range append(m.Weights(), m.Buffers()...) {
		w.Free()
	}
}
