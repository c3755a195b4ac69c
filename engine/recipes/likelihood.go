//go:build torch

package recipes

import (
	"context"
	"slices"

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

// passTokens is how many tokens of sequences go through the model at once: more are no quicker, and meanwhile no other work on the
// engine has its turn. topRows is how many rows of logits are compared at once (with a vocabulary of 50,000 they take 25 MB), and
// leastCommon how many tokens a beginning must have to be worth a segment of its own.
const (
	passTokens  = 4096
	topRows     = 128
	leastCommon = 8
)

// predict scores sequences, several in a stream, and hands each one's predictions to a function, in the order of its tokens. Those that
// begin alike go together, wherever they stand in the list: what they have in common is computed once. The last token of a sequence,
// which nothing follows, is not computed at all: choices of one token each cost no more than their prompt. It must not run inside
// Engine.Do.
func predict(ctx context.Context, e *tensor.Engine, m model.Model, adapter int, list []sequence, withTop bool, each func(number int, made []prediction) error) error {
	numbers, ordered := alphabetical(list)
	for first := 0; first < len(ordered); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := ordered[first : first+fitting(ordered[first:])]
		made := make([][]prediction, len(part))
		if err := e.Do(func() error {
			unrecorded(e, func() { predictPass(m, pack(part, adapter), withTop, made) })
			return nil
		}); err != nil {
			return err
		}
		for i := range made {
			if err := each(numbers[first+i], made[i]); err != nil {
				return err
			}
		}
		first += len(part)
	}
	return nil
}

// alphabetical puts sequences in the order of their tokens, so that a beginning is followed by all that go on from it, and gives the
// number that each has in the list.
func alphabetical(list []sequence) (numbers []int, ordered []sequence) {
	for i := range list {
		numbers = append(numbers, i)
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return slices.Compare(list[a].tokens, list[b].tokens) })
	for _, i := range numbers {
		ordered = append(ordered, list[i])
	}
	return numbers, ordered
}

// fitting is how many of the first sequences make up a pass; at least one.
func fitting(list []sequence) int {
	tokens := 0
	var before []int32
	for i, s := range list {
		computed := s.tokens[:len(s.tokens)-1]
		fresh := len(computed)
		if common := nn.Common(before, computed); common >= min(leastCommon, fresh) {
			fresh -= common
		}
		if tokens += fresh; tokens > passTokens {
			return max(i, 1)
		}
		before = computed
	}
	return len(list)
}

// pack lays sequences down without their last tokens, which are predicted all the same. At counts the rows that are wanted alone.
func pack(list []sequence, adapter int) *nn.Pass {
	rows := make([]nn.Row, len(list))
	for i, s := range list {
		last := len(s.tokens) - 1
		rows[i] = supervisedFrom(s.tokens[:last], len(s.tokens)-s.scored)
	}
	p := nn.Pack(rows, leastCommon)
	p.Adapter = adapter
	for i, s := range list {
		p.At, p.Targets = append(p.At, p.Last[i]), append(p.Targets, int64(s.tokens[len(s.tokens)-1]))
		p.Of, p.Weights = append(p.Of, []int{i}), append(p.Weights, 1)
	}
	p.Wanted = slices.Compact(slices.Sorted(slices.Values(p.At)))
	for i, row := range p.At {
		at, _ := slices.BinarySearch(p.Wanted, row)
		p.At[i] = int64(at)
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
