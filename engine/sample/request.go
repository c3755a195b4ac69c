//go:build torch

package sample

import (
	"elara/engine/model"
	"elara/spec/fault"
)

// Options say how the next token is chosen and when a text ends.
type Options struct {
	MaxNewTokens int
	MinNewTokens int     // among the first so many tokens none is one of Stop
	Stop         []int32 // a text ends with one of these, which is part of it; none: only MaxNewTokens ends it
	Temperature  float64 // what the logits are divided by; 0: the most probable token, the first among equals
	TopK         int     // draw from so many most probable tokens; 0: from all
	TopP         float64 // draw from the fewest most probable tokens that together reach it; 0 or 1: from all
	Seed         uint64
	Score        bool // whether Sequence has LogProbs and ModelLogProbs
}

// Request is a prompt that is to be continued.
type Request struct {
	Options

	Prompt  []int32
	Adapter int    // slot of the adapter on the model, or nn.NoAdapter
	Stream  uint64 // requests of one seed draw apart where these differ
}

// check refuses what cannot be done.
func (r Request) check(f model.Facts) error {
	switch {
	case len(r.Prompt) == 0:
		return fault.New(fault.Invalid, "the prompt is empty, expected a token at least")
	case r.MaxNewTokens < 1 || r.MinNewTokens < 0 || r.MinNewTokens > r.MaxNewTokens:
		return fault.New(fault.Invalid, "%d to %d new tokens, expected at least 1, and no more at least than at most",
			r.MinNewTokens, r.MaxNewTokens)
	case r.length() > int(f.MaxPositions):
		return fault.New(fault.Invalid, "a prompt of %d tokens and %d new ones exceed the model's %d positions",
			len(r.Prompt), r.MaxNewTokens, f.MaxPositions)
	case !(r.Temperature >= 0) || !(r.TopP >= 0 && r.TopP <= 1) || r.TopK < 0:
		return fault.New(fault.Invalid, "temperature %v, top_p %v, top_k %d: expected at least 0, between 0 and 1, at least 0",
			r.Temperature, r.TopP, r.TopK)
	}
	for i, id := range r.Prompt {
		if id < 0 || int64(id) >= f.Vocabulary {
			return fault.New(fault.Invalid, "token %d of the prompt is %d, the model has %d", i+1, id, f.Vocabulary)
		}
	}
	return nil
}

// length is how many tokens the text has in the end at most.
func (r Request) length() int { return len(r.Prompt) + r.MaxNewTokens }

// End is why a sequence has ended.
type End string

// The ends of a sequence.
const (
	Running   End = ""
	Stopped   End = "stop"      // the last token is one of Stop
	Full      End = "length"    // there are MaxNewTokens
	Cancelled End = "cancelled" // by Cancel
	Failed    End = "failed"    // Err says why
)

// Sequence is a request on its way. Its fields are read between steps.
type Sequence struct {
	Request

	Tokens []int32 // chosen so far
	End    End
	Err    error // of a sequence that failed

	// The natural logarithm of each token's probability among the whole vocabulary: LogProbs of the logits divided by Temperature
	// (by 1 where that is 0), ModelLogProbs of the logits as they are. TopK, TopP and MinNewTokens take nothing from them.
	LogProbs, ModelLogProbs []float64

	text []int32 // the prompt and Tokens
	rows []int32 // of the cache, for as many tokens of the text as are computed
}

// left is how many more rows of the cache the sequence may come to need. Its last token needs none.
func (s *Sequence) left() int { return s.length() - 1 - len(s.rows) }
