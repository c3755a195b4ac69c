//go:build torch

package recipes

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"elara/data/instruct"
	"elara/data/preference"
	"elara/data/tokenizer"
	"elara/data/trl"
	"elara/engine/nn"
	"elara/spec"
	"elara/spec/fault"
)

// pairs are the preferences of a file as tokens, and the numbers of its lines that were left out.
type pairs struct {
	list []pair
	cut  []int64 // from 1
}

// pair is one preference. Both rows begin with the tokens of the prompt; what follows is the answer.
type pair struct {
	chosen, rejected nn.Row
	margin           float64
	tie              bool
}

// pairing says how preferences become rows.
type pairing struct {
	tok       *tokenizer.Tokenizer
	audience  spec.Audience
	maxLength int // tokens of prompt and answer together
	// predicts says that the answers are predicted, token by token: one that is too long is cut, without an end. Else they are scored
	// whole, and a pair that is too long is left out.
	predicts bool
}

// read tokenises a file of preferences as TRL 1.16 does: prompt and answer as one text, with the special tokens that the tokenizer
// itself adds, and the end-of-text token at its end. What the prompt alone has in common with both is the prompt.
func (p pairing) read(ctx context.Context, path string, notice func(string)) (out pairs, err error) {
	left, err := trl.Read(path, func(line int, row trl.Row) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		made, err := p.pair(row)
		if err != nil {
			return fault.At(path, line, "%w", err)
		}
		if made == nil {
			out.cut = append(out.cut, int64(line))
			return nil
		}
		out.list = append(out.list, *made)
		return nil
	})
	if err != nil {
		return out, err
	}
	if len(left) > 0 {
		notice(fmt.Sprintf("%s: columns that are not read: %s", path, strings.Join(left, ", ")))
	}
	if n := len(out.cut); n > 0 {
		notice(fmt.Sprintf("%s: %d pairs do not fit into %d tokens and are left out", path, n, p.maxLength))
	}
	if len(out.list) == 0 {
		return out, fault.At(path, 0, "none of %d pairs fits into %d tokens, expected at least one", len(out.cut), p.maxLength)
	}
	return out, nil
}

// pair gives nil where the answers do not fit, or are the same after they were cut.
func (p pairing) pair(row trl.Row) (*pair, error) {
	if p.predicts && (row.Tie || row.Margin > 0) {
		return nil, fault.New(fault.Invalid, "the pair has a margin or is a tie, which DPO's loss does not know: a reward model does")
	}
	prompt, err := promptText(row.Prompt, p.audience)
	if err != nil {
		return nil, err
	}
	before := p.tok.EncodeWithSpecial(prompt)
	if len(before) >= p.maxLength {
		return nil, fault.New(fault.Invalid, "the prompt has %d tokens, expected fewer than max_length, %d", len(before), p.maxLength)
	}
	chosen, err := p.whole(prompt + row.Chosen)
	if err != nil {
		return nil, err
	}
	rejected, err := p.whole(prompt + row.Rejected)
	if err != nil {
		return nil, err
	}
	if slices.Equal(chosen, rejected) {
		return nil, fault.New(fault.Invalid, "chosen and rejected are the same tokens, which prefers nothing")
	}
	if max(len(chosen), len(rejected)) > p.maxLength {
		if !p.predicts {
			return nil, nil
		}
		chosen, rejected = chosen[:min(len(chosen), p.maxLength)], rejected[:min(len(rejected), p.maxLength)]
		if slices.Equal(chosen, rejected) {
			return nil, nil
		}
	}
	at := p.maxLength
	if p.predicts {
		at = min(nn.Common(before, chosen), nn.Common(before, rejected))
	}
	return &pair{supervisedFrom(chosen, at), supervisedFrom(rejected, at), row.Margin, row.Tie}, nil
}

// whole gives the tokens of a text with the end-of-text token behind.
func (p pairing) whole(text string) ([]int32, error) {
	end, token, ok := p.tok.EOS()
	if !ok {
		return nil, fault.New(fault.Invalid, "the tokenizer names no end-of-text token, which an answer ends with")
	}
	tokens := p.tok.EncodeWithSpecial(text)
	if !strings.HasSuffix(text, token) {
		tokens = append(tokens, end)
	}
	return tokens, nil
}

// promptText is a prompt as the text that stands before its answer. A plain text without an audience is that text. With an audience
// the prompt is a question in the guide's template; a chat has the template's form, with its own system message.
func promptText(p preference.Prompt, audience spec.Audience) (string, error) {
	if audience != "" {
		question, ok := p.Plain()
		if !ok {
			return "", fault.New(fault.Invalid,
				"the prompt is a chat of %d messages, expected one question: audience puts it into the guide's template", len(p.Messages))
		}
		return instruct.Guide().Prompt(question, audience)
	}
	if p.Messages == nil {
		return p.Text, nil
	}
	var text strings.Builder
	for _, m := range p.Messages {
		text.WriteString("<|" + m.Role + "|>\n" + m.Content + "\n")
	}
	return text.String() + instruct.AssistantMarker, nil
}

// rows lays pairs out as the rows of a pass: the chosen answer of each, then the rejected one.
func (p pairs) rows(index []int) []nn.Row {
	rows := make([]nn.Row, 0, 2*len(index))
	for _, i := range index {
		rows = append(rows, p.list[i].chosen, p.list[i].rejected)
	}
	return rows
}

// all lists the numbers of all pairs.
func (p pairs) all() []int {
	index := make([]int, len(p.list))
	for i := range index {
		index[i] = i
	}
	return index
}

// lengths gives each pair's number of tokens, both answers together.
func (p pairs) lengths() []int {
	lengths := make([]int, len(p.list))
	for i, pair := range p.list {
		lengths[i] = len(pair.chosen.Tokens) + len(pair.rejected.Tokens)
	}
	return lengths
}

// digest is the identity of some pairs, in their order.
func digest(sets ...pairs) spec.Digest {
	sum := sha256.New()
	for _, set := range sets {
		for _, row := range set.rows(set.all()) {
			// Writing to a hash cannot fail.
			_ = binary.Write(sum, binary.LittleEndian, int64(len(row.Tokens)))
			_ = binary.Write(sum, binary.LittleEndian, row.Tokens)
			_ = binary.Write(sum, binary.LittleEndian, row.Supervised)
		}
		_ = binary.Write(sum, binary.LittleEndian, int64(-1))
	}
	return spec.DigestOf([sha256.Size]byte(sum.Sum(nil)))
}
