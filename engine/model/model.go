//go:build torch

package model

import (
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Model is a causal language model with frozen weights.
type Model interface {
	// Stages cuts the forward pass at the borders of its blocks: it gives the embedded tokens, [tokens, width], and what
	// leads from there to what the head reads, one stage for each block and one for the last norm.
	Stages(p *nn.Pass) (x *tensor.Tensor, stages []Stage)
	// Head is the output embedding: [vocabulary, width].
	Head() *tensor.Tensor
	// Private is where adapters put their own copies of weights. Stages leaves it on the pass.
	Private() *nn.Private
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
	// NewCache makes a cache for generating, without rows.
	NewCache() *nn.Cache
	// Facts are the numbers others need.
	Facts() Facts
}

// Stage maps the stream at one border of the blocks to the stream at the next. It gives the same for the same stream as often
// as it runs, dropout included.
type Stage func(x *tensor.Tensor) *tensor.Tensor

// Hidden is the whole forward pass: what the head reads, [tokens, width].
func Hidden(m Model, p *nn.Pass) *tensor.Tensor { return Run(m.Stages(p)) }

// Run runs stages one after the other. Of what a stage computes, only its result and what the backward pass asks for outlive it;
// x itself is freed.
func Run(x *tensor.Tensor, stages []Stage) *tensor.Tensor {
	for _, stage := range stages {
		before := x
		before.Engine().Scope(func() { x = stage(before).Keep() })
		before.Free()
	}
	return x
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

	AttentionWidth int64   // of all heads together
	Windows        []int64 // by layer: how many tokens one sees, itself among them; 0: all before it

	EOS []int32 // tokens that end a text by the configuration; none where it names none
	Pad []int32 // its padding token, or none; transformers gives the embedding row of it no gradient

	// CountsFirstToken is true where transformers' Trainer (5.23) divides the loss by all labels of a row, its first token
	// included, though that one is never predicted: for classes whose name its loss table does not know, such as
	// GPT2LMHeadModel.
	CountsFirstToken bool
}

// PaddingRow is the row of the input embedding that transformers gives no gradient, wherever its token stands; ok is false where
// there is none. GPT-2's embedding knows no padding token there.
func (f Facts) PaddingRow() (row int64, ok bool) {
	if len(f.Pad) == 0 || f.Architecture == "gpt2" {
		return 0, false
	}
	if row = int64(f.Pad[0]); row < 0 { // counted from the end, as torch does
		row += f.Vocabulary
	}
	return row, row >= 0 && row < f.Vocabulary
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
