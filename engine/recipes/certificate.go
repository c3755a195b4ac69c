//go:build torch

package recipes

import (
	"fmt"
	"math"
	"slices"

	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
)

// The certificate is made with a few short rows: what it looks for shows on any. Each is the beginning of a row, which others have
// too, and its end, which they have not; the last is an end alone, which shares nothing with those before it.
const (
	certifiedRows      = 3
	certifiedBeginning = 8
	certifiedEnd       = 16 // of the first row; half of it of the next
)

// certify computes the same rows once at a time, each in a micro-batch of its own, and once as training does, and compares loss
// and gradients of the finished adapter. A denominator that counts micro-batches instead of tokens, a row that sees another, or
// a shared beginning with a wrong weight would show here. It must run inside Engine.Do.
func (l *loraRun) certify() *train.Certificate {
	rows := certified(l.train.list)
	singly := make([][]nn.Row, len(rows))
	for i, row := range rows {
		singly[i] = []nn.Row{row}
	}
	wantLoss, want := l.measured(singly, 0)
	c := &train.Certificate{Rows: len(rows), LossBound: 1e-5, GradientBound: 1e-4}
	if l.model.Facts().DType != tensor.Float32 { // 8 bits of mantissa, or 11, rounded again after every operation
		c.LossBound, c.GradientBound = 5e-3, 1e-1
	}
	// Packed, with common beginnings computed once, however short.
	gotLoss, got := l.measured([][]nn.Row{rows}, 1)
	c.Loss, c.Gradient = math.Abs(gotLoss-wantLoss)/math.Abs(wantLoss), distance(want, got)
	c.Holds = c.Loss <= c.LossBound && c.Gradient <= c.GradientBound
	if !c.Holds {
		l.runner.notice(fmt.Sprintf("loss invariance does not hold: loss differs by %.2g (bound %.2g), gradients by %.2g (bound %.2g)", c.Loss, c.LossBound, c.Gradient, c.GradientBound))
	}
	return c
}

// certified picks rows and makes them of different lengths, so that a mean of means would differ from the mean over tokens.
func certified(list []nn.Row) []nn.Row {
	var picked []nn.Row
	for i, row := range list[:min(certifiedRows, len(list))] {
		beginning := min(certifiedBeginning, len(row.Tokens))
		end := max(beginning, len(row.Tokens)-certifiedEnd>>i)
		if i == certifiedRows-1 {
			beginning = 0
		}
		row.Tokens, row.Supervised = slices.Concat(row.Tokens[:beginning], row.Tokens[end:]), nil
		if len(row.Tokens) > 1 {
			picked = append(picked, row)
		}
	}
	return picked
}

// measured gives the loss of some micro-batches and the adapter's gradients, which it clears. They carry the run's loss scale: in
// half precision small ones would be lost without it, and what is compared is their ratio.
func (l *loraRun) measured(batches [][]nn.Row, least int) (mean float64, gradients [][]float32) {
	// Without dropout no pass can fail.
	mean, _ = l.gradients(batches, least, l.scale, func(int, *nn.Pass) error { return nil })
	l.runner.Engine.Scope(func() {
		for _, p := range l.adapter.Tensors() {
			var values []float32
			if g := p.Grad(); g != nil {
				values = g.Float32s()
			}
			gradients = append(gradients, values)
		}
	})
	l.optimiser.ZeroGrad()
	return mean, gradients
}

// distance is the largest difference of two gradients over the largest element of the first; lists of unequal length are
// infinitely far apart.
func distance(want, got [][]float32) float64 {
	var most, scale float64
	for i, values := range want {
		if len(got[i]) != len(values) {
			return math.MaxFloat64
		}
		for j, v := range values {
			most = max(most, math.Abs(float64(v)-float64(got[i][j])))
			scale = max(scale, math.Abs(float64(v)))
		}
	}
	if scale == 0 {
		return most
	}
	return most / scale
}
