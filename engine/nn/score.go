//go:build torch

package nn

import (
	"math"

	"elara/engine/tensor"
)

// Score is a scalar head over the last hidden state: the score.weight of transformers' LlamaForSequenceClassification and
// GPT2ForSequenceClassification with one label, which has no bias. Read at the last token of a text it is a reward, read at
// every token it is a value.
type Score struct {
	Weight *tensor.Tensor // float32 [1, width]
}

// NewScore draws a head from a normal distribution of the variance 1/(width+1), as Stiennon et al. do (arXiv 2009.01325, appendix
// B), so that its first scores have about the variance that the hidden state has.
func NewScore(e *tensor.Engine, width int64, key tensor.Key) *Score {
	return &Score{e.Zeros(tensor.Float32, 1, width).Normal(0, 1/math.Sqrt(float64(width+1)), key)}
}

// Forward gives the scores at some rows of the stream, float32 [len(at)]. hidden: [tokens, width], as model.Hidden gives it.
func (s *Score) Forward(hidden *tensor.Tensor, at []int64) *tensor.Tensor {
	h := hidden.Rows(hidden.Engine().FromInt64(at)).To(tensor.Float32)
	return h.MatMul(s.Weight.T()).View(int64(len(at)))
}
