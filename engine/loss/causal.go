//go:build torch

package loss

import (
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// chunk is how many rows of logits exist at once: 256 rows of a vocabulary of 50,000 take 50 MB in float32.
const chunk = 256

// Counted is what a row adds to the denominator of its optimiser step: the tokens it supervises, each but its first. For
// architectures whose facts say so the first one counts too, because transformers' Trainer counts it there and its losses,
// gradients and learning rates are what users compare with (docs/adr/0004-denominator.md).
func Counted(m model.Model, sequence []int32) int64 {
	if m.Facts().CountsFirstToken {
		return int64(len(sequence))
	}
	return int64(len(sequence)) - 1
}

// Causal predicts every token of every segment but the first from those before it. It gives the sum of -log p in nats,
// which carries the gradient, and the rows' own values in stream order, float32 [predicted tokens].
func Causal(m model.Model, p *nn.Pass) (sum, nll *tensor.Tensor) {
	var rows, targets []int64
	for i := 1; i < len(p.Offsets); i++ {
		for t := p.Offsets[i-1]; t+1 < p.Offsets[i]; t++ {
			rows = append(rows, t)
			targets = append(targets, p.Tokens[t+1])
		}
	}
	head := m.Head()
	e := head.Engine()
	h := m.Hidden(p).Rows(e.FromInt64(rows)) // [predicted tokens, width]
	return tensor.LinearCrossEntropy(h, head, e.FromInt64(targets), chunk)
}
