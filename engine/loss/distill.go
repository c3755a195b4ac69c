//go:build torch

package loss

import (
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Distilled makes the predictions of a pass and holds each against a teacher's distribution in the same place; the teacher's rows
// are the pass's predictions. It gives the sum over all rows of d.Share * divergence + (1 - d.Share) * -log p, which carries the
// gradient, and the predictions' own divergences and -log p in nats, float32 [predictions], each of which stands for p.Weights[i]
// rows.
func Distilled(m model.Model, p *nn.Pass, t tensor.Teacher, d tensor.Divergence) (sum, divergence, nll *tensor.Tensor) {
	head := m.Head()
	e := head.Engine()
	h := Predictions(m, p)
	return tensor.LinearDivergence(h, p.Head(head), e.FromInt64(p.Targets), weightsOf(e, p), t, d, chunk)
}

// Predictions is what the head reads where something is predicted: [predictions, width].
func Predictions(m model.Model, p *nn.Pass) *tensor.Tensor {
	return model.Hidden(m, p).Rows(m.Head().Engine().FromInt64(p.At))
}

// Online is a teacher that runs beside its student, on a pass of the same rows.
func Online(m model.Model, p *nn.Pass) tensor.Teacher {
	return tensor.Teacher{Hidden: Predictions(m, p), Head: p.Head(m.Head())}
}

// TopLogProbs is what LinearTopLogProbs gives of the predictions of a pass: what a teacher leaves behind for its students.
func TopLogProbs(m model.Model, p *nn.Pass, k int, temperature float64) (ids, logProbs *tensor.Tensor) {
	return tensor.LinearTopLogProbs(Predictions(m, p), p.Head(m.Head()), k, temperature, chunk)
}
