//go:build torch

package recipes

import (
	"context"

	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// sequence is a list of at least two tokens, the last of which, as many as scored says, are predicted given all before them.
type sequence struct {
	tokens []int32
	scored int
}

// prediction is one scored token of a sequence.
type prediction struct {
	logProb float64 // natural logarithm
	isTop   bool    // no other token is more probable; only where it was asked for
}

// passTokens is how many tokens of sequences go through the model at once, and topRows how many rows of logits are compared at once:
// with a vocabulary of 50,000 they take 25 MB.
const (
	passTokens = 2048
	topRows    = 128
)

// predict scores sequences in their order, several in a stream: each gets its predictions in the order of its tokens. What
// neighbours have in common at their beginning is computed once, and the last token of a sequence, which nothing follows, is not
// computed at all: choices of one token each cost no more than their prompt. It must not run inside Engine.Do.
func predict(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, list []sequence, withTop bool, each func(number int, made []prediction) error) error {
	for first := 0; first < len(list); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := list[first : first+fitting(list[first:])]
		made := make([][]prediction, len(part))
		if err := e.Do(func() error {
			unrecorded(e, func() { predictPass(m, pack(part, adapter), withTop, made) })
			return nil
		}); err != nil {
			return err
		}
		for i := range made {
			if err := each(first+i, made[i]); err != nil {
				return err
			}
		}
		first += len(part)
	}
	return nil
}

// fitting is how many of the first sequences make up a pass; at least one.
func fitting(list []sequence) int {
	tokens := 0
	for i, s := range list {
		fresh := len(s.tokens)
		if i > 0 {
			fresh -= nn.Common(list[i-1].tokens, s.tokens)
		}
		if tokens += max(fresh, leastShared); tokens > passTokens {
			return max(i, 1)
		}
	}
	return len(list)
}

// pack lays sequences down without their last tokens, which are predicted all the same.
func pack(list []sequence, adapter int) *nn.Pass {
	rows := make([]nn.Row, len(list))
	for i, s := range list {
		last := len(s.tokens) - 1
		rows[i] = supervisedFrom(s.tokens[:last], len(s.tokens)-s.scored)
	}
	p := nn.Pack(rows, leastShared)
	p.Adapter = adapter
	for i, s := range list {
		p.At, p.Targets = append(p.At, p.Last[i]), append(p.Targets, int64(s.tokens[len(s.tokens)-1]))
		p.Of, p.Weights = append(p.Of, []int{i}), append(p.Weights, 1)
	}
	return p
}

// predictPass hands the predictions of a pass to the sequences that make them. It runs inside Engine.Do.
func predictPass(m model.Model, p *nn.Pass, withTop bool, made [][]prediction) {
	hidden := model.Hidden(m, p)
	_, nll := loss.Predict(m, p, hidden, 0)
	var top []bool
	if withTop {
		top = topTargets(m, p, hidden)
	}
	for i, v := range nll.Float32s() {
		one := prediction{logProb: -float64(v), isTop: withTop && top[i]}
		for _, n := range p.Of[i] {
			made[n] = append(made[n], one)
		}
	}
}

// topTargets says of each prediction of a pass whether its target is what greedy decoding takes: of equal logits the first, as
// sample.Generate takes it.
func topTargets(m model.Model, p *nn.Pass, hidden *tensor.Tensor) []bool {
	e := hidden.Engine()
	top := make([]bool, 0, len(p.At))
	for begin := 0; begin < len(p.At); begin += topRows {
		end := min(begin+topRows, len(p.At))
		e.Scope(func() {
			logits := tensor.Linear(hidden.Rows(e.FromInt64(p.At[begin:end])), p.Head(m.Head()), nil).Float32s() // [end - begin, vocabulary]
			width := len(logits) / (end - begin)
			for i, target := range p.Targets[begin:end] {
				best := 0
				row := logits[i*width : (i+1)*width]
				for id, l := range row {
					if l > row[best] {
						best = id
					}
				}
				top = append(top, int64(best) == target)
			}
		})
	}
	return top
}
