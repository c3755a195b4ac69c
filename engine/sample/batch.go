//go:build torch

package sample

import (
	"context"
	"slices"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/spec/fault"
)

// Limits bound what is computed side by side. What does not fit waits until others have ended, in the order of its coming.
type Limits struct {
	Rows int // texts at once; 0: all

	// Tokens is how many tokens of all texts the cache holds at most; 0: as many as the texts need. With a bound, texts that have
	// ended stay as long as nobody needs their room, so that a prompt that goes on from one has its beginning there.
	Tokens int
}

// passTokens is how many tokens of prompts go through the model at once. Longer prompts take several steps, between which other
// texts go on; the activations of a pass stay small.
const passTokens = 1024

// Batch continues requests side by side. It is used inside engine.Do.
//
// An error of Step other than that of its context leaves a batch that is only good for Free.
type Batch struct {
	model   model.Model
	cache   *nn.Cache
	limits  Limits
	room    room
	waiting []*Sequence
	live    []*Sequence // in the order of their coming
	kept    []*Sequence // ended, the longest ago first
}

// NewBatch makes an empty batch; the caller frees it.
func NewBatch(m model.Model, l Limits) *Batch {
	return &Batch{model: m, cache: m.NewCache(), limits: l}
}

// Free ends the batch and its cache.
func (b *Batch) Free() { b.cache.Free() }

// Add queues a request. A request that can never be computed is refused.
func (b *Batch) Add(r Request) (*Sequence, error) {
	if err := r.check(b.model.Facts()); err != nil {
		return nil, err
	}
	if r.TopP == 0 {
		r.TopP = 1
	}
	if b.limits.Tokens > 0 && r.length() > b.limits.Tokens {
		return nil, fault.New(fault.Invalid, "a prompt of %d tokens and %d new ones exceed the cache's %d",
			len(r.Prompt), r.MaxNewTokens, b.limits.Tokens)
	}
	s := &Sequence{Request: r, text: slices.Clone(r.Prompt)}
	b.waiting = append(b.waiting, s)
	return s, nil
}

// Busy reports whether there is a sequence that has not ended.
func (b *Batch) Busy() bool { return len(b.waiting)+len(b.live) > 0 }

// Cancel ends a sequence; the others go on. One that has ended stays as it is.
func (b *Batch) Cancel(s *Sequence) {
	is := func(other *Sequence) bool { return other == s }
	switch {
	case slices.ContainsFunc(b.waiting, is):
		b.waiting = slices.DeleteFunc(b.waiting, is)
	case slices.ContainsFunc(b.live, is):
		b.live = slices.DeleteFunc(b.live, is)
		b.leave(s)
	default:
		return
	}
	s.End = Cancelled
}

// Forget drops what is kept of ended texts of an adapter: its weights change, or its slot goes to another.
func (b *Batch) Forget(adapter int) {
	b.kept = slices.DeleteFunc(b.kept, func(s *Sequence) bool {
		if s.Adapter != adapter {
			return false
		}
		b.room.drop(s.rows)
		return true
	})
}

// Step computes the next token of every running sequence and the prompts of those that join. It gives the sequences that have a
// new token or have failed, in the order of their coming.
func (b *Batch) Step(ctx context.Context) (moved []*Sequence, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	parts := b.plan()
	if len(parts) == 0 {
		return nil, nil
	}
	e := b.model.Head().Engine()
	for _, group := range b.passes(parts) {
		e.Scope(func() {
			e.NoGrad(func() { b.pass(group) })
		})
	}
	for _, p := range parts {
		if p.whole {
			moved = append(moved, p.Sequence)
		}
	}
	b.live = slices.DeleteFunc(b.live, func(s *Sequence) bool {
		if s.End == Running {
			return false
		}
		b.leave(s)
		return true
	})
	return moved, nil
}

// leave lets a sequence's rows go, or keeps them for those that go on from its text.
func (b *Batch) leave(s *Sequence) {
	if b.limits.Tokens > 0 && s.End != Failed {
		b.kept = append(b.kept, s)
		return
	}
	b.room.drop(s.rows)
	s.rows = nil
}
