//go:build torch

package merge

import (
	"math"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Likeness says how near the logits of two models are, on the same tokens.
type Likeness struct {
	Tokens        int     `json:"tokens"`
	MaxDifference float64 `json:"max_difference"` // of any logit
	Top1Agreement float64 `json:"top1_agreement"` // share of tokens after which both hold the same one most probable
	KL            float64 `json:"kl"`             // mean of KL(wanted || found), in nats
	Largest       float64 `json:"largest"`        // wanted logit, without its sign: what the difference is to be seen beside
}

// logits runs passes over the same tokens and gives each token's logits, [tokens, vocabulary], by pass. They must not be trained.
func logits(m *model.Streamed, passes []*nn.Pass) (out []*tensor.Tensor, err error) {
	m.Head().Engine().NoGrad(func() {
		err = m.Forward(passes, func(pass int, hidden *tensor.Tensor) {
			out = append(out, hidden.MatMul(passes[pass].Head(m.Head()).T()).To(tensor.Float32).Keep())
		})
	})
	return out, err
}

// compare measures logits [tokens, vocabulary] token by token.
func compare(want, got *tensor.Tensor) Likeness {
	l := Likeness{Tokens: int(want.Size(0))}
	alike := 0
	for at := range want.Size(0) {
		want.Engine().Scope(func() {
			p, q := want.Narrow(0, at, 1).Float32s(), got.Narrow(0, at, 1).Float32s()
			for i := range p {
				l.MaxDifference = max(l.MaxDifference, math.Abs(float64(p[i])-float64(q[i])))
				l.Largest = max(l.Largest, math.Abs(float64(p[i])))
			}
			if first(p) == first(q) {
				alike++
			}
			l.KL += divergence(p, q) / float64(l.Tokens)
		})
	}
	l.Top1Agreement = float64(alike) / float64(l.Tokens)
	return l
}

// first is the place of the largest value.
func first(values []float32) int {
	at := 0
	for i, v := range values {
		if v > values[at] {
			at = i
		}
	}
	return at
}

// divergence is KL(softmax(p) || softmax(q)) in nats.
func divergence(p, q []float32) float64 {
	logP, logQ := logSum(p), logSum(q)
	var kl float64
	for i := range p {
		log := float64(p[i]) - logP
		kl += math.Exp(log) * (log - (float64(q[i]) - logQ))
	}
	return kl
}

func logSum(values []float32) float64 {
	largest := float64(values[first(values)])
	var total float64
	for _, v := range values {
		total += math.Exp(float64(v) - largest)
	}
	return largest + math.Log(total)
}
