//go:build torch

package sample

import (
	"slices"

	"elara/engine/model"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// pass runs parts through the model and chooses the tokens that follow.
func (b *Batch) pass(parts []part) {
	p, last := b.lay(parts)
	hidden := model.Hidden(b.model, p)
	if len(last) == 0 {
		return
	}
	hidden = hidden.Rows(hidden.Engine().FromInt64(last))
	parts = slices.DeleteFunc(parts, func(p part) bool { return !p.whole })
	choices := make([]tensor.Choice, len(parts))
	for i, part := range parts {
		choices[i] = part.choice()
	}
	for i, c := range tensor.Choose(tensor.Logits(hidden, p.Head(b.model.Head())), choices) {
		parts[i].append(c)
	}
}

// choice is how the next token is chosen. Its draw depends on the seed, the stream and the token's place alone.
func (s *Sequence) choice() tensor.Choice {
	c := tensor.Choice{Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, LogProbs: s.Score}
	c.Draw = tensor.Key(s.Seed).Named("sample").Derive(s.Stream).Derive(uint64(len(s.Tokens))).Unit()
	if len(s.Tokens) < s.MinNewTokens {
		c.Barred = s.Stop
	}
	return c
}

// append takes a token, and ends the sequence where it is the last.
func (s *Sequence) append(c tensor.Chosen) {
	if c.ID < 0 {
		s.End, s.Err = Failed, fault.New(fault.Diverged, "the model's logits are not finite")
		return
	}
	s.text = append(s.text, c.ID)
	s.Tokens = s.text[len(s.Prompt):]
	if s.Score {
		s.LogProbs, s.ModelLogProbs = append(s.LogProbs, c.LogProb), append(s.ModelLogProbs, c.ModelLogProb)
	}
	switch {
	case slices.Contains(s.Stop, c.ID):
		s.End = Stopped
	case len(s.Tokens) == s.MaxNewTokens:
		s.End = Full
	}
}
