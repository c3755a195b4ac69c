//go:build torch

package loss

import (
	"slices"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// chunk is how many rows of logits exist at once: 256 rows of a vocabulary of 50,000 take 50 MB in float32.
const chunk = 256

// Counted is what a row adds to the denominator of its optimiser step: the tokens it supervises. For architectures whose facts
// say so the first one counts too, because transformers' Trainer counts it there and its losses, gradients and learning rates
// are what users compare with (docs/adr/0004-denominator.md).
func Counted(m model.Model, row nn.Row) int64 {
	if row.Supervised == nil {
		if m.Facts().CountsFirstToken {
			return int64(len(row.Tokens))
		}
		return int64(len(row.Tokens)) - 1
	}
	var n int64
	for at, on := range row.Supervised {
		if on && (at > 0 || m.Facts().CountsFirstToken) {
			n++
		}
	}
	return n
}

// Causal makes the predictions of a pass. It gives the sum of -log p in nats over all rows, which carries the gradient, and the
// predictions' own values, float32 [predictions], each of which stands for p.Weights[i] rows.
func Causal(m model.Model, p *nn.Pass) (sum, nll *tensor.Tensor) {
	return Predict(m, p, model.Hidden(m, p), 0)
}

// Predict is Causal over a stream that ran through the model already, model.Hidden or a part of it after another. With smoothing
// above 0 the sum is of the smoothed loss: (1 - smoothing) * -log p + smoothing * the mean of -log p over the vocabulary. nll is
// exact in any case.
func Predict(m model.Model, p *nn.Pass, hidden *tensor.Tensor, smoothing float64) (sum, nll *tensor.Tensor) {
	head := m.Head()
	e := head.Engine()
	h := hidden.Rows(e.FromInt64(p.At)) // [predictions, width]
	return tensor.LinearCrossEntropy(h, p.Head(head), e.FromInt64(p.Targets), weightsOf(e, p), smoothing, chunk)
}

// LogProbs gives the log-probability of every prediction of a pass at a temperature, and the entropy of its distribution, in nats,
// float32 [predictions]; further what they were made of, the rows that the head reads divided by the temperature, [predictions,
// width], and where slopes is set the derivatives of the log-probabilities by those.
func LogProbs(m model.Model, p *nn.Pass, temperature float64, slopes bool) (hidden, logProbs, entropy, slope *tensor.Tensor) {
	head := m.Head()
	hidden = Predictions(m, p).Scale(1 / temperature)
	logProbs, entropy, slope = tensor.LinearLogProbs(hidden, p.Head(head), head.Engine().FromInt64(p.Targets), chunk, slopes)
	return hidden, logProbs, entropy, slope
}

// weightsOf is how many rows make each prediction, float32 [predictions]; nil where each is one row's.
func weightsOf(e *tensor.Engine, p *nn.Pass) *tensor.Tensor {
	if !slices.ContainsFunc(p.Weights, func(w float32) bool { return w != 1 }) {
		return nil
	}
	return e.FromFloat32(p.Weights, int64(len(p.Weights)))
}
