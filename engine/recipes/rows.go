//go:build torch

package recipes

import (
	"context"
	"fmt"
	"strings"

	"elara/data/instruct"
	"elara/data/source"
	"elara/data/tokenizer"
	"elara/engine/nn"
	"elara/spec"
	"elara/spec/fault"
)

// rows are the token sequences of a JSONL file, and the numbers of its lines that have no supervised token.
type rows struct {
	list  []nn.Row
	lines []int64 // of the rows, from 1
	cut   []int64 // from 1

	shortened, lost int64 // rows whose text is longer than max_length, and their tokens beyond it
}

// reading says how texts become rows.
type reading struct {
	tok            *tokenizer.Tokenizer
	maxLength      int  // tokens a row is cut to; 0: not cut
	appendEOS      bool // a row that was not cut ends with the end-of-text token
	completionOnly bool // only the answer is supervised: what follows the template's last assistant marker
}

// rows tokenises the texts of a file, with the special tokens the tokenizer itself adds. A row that was cut does not end with
// the end-of-text token, for it would teach the model to stop in the middle of a sentence. A row that supervises nothing is
// left out, and its line kept.
func (r reading) rows(ctx context.Context, path string) (rows, error) {
	var out rows
	var end []int32
	if r.appendEOS {
		id, _, ok := r.tok.EOS()
		if !ok {
			return out, fault.At(path, 0, "append_eos is set, but the tokenizer names no end-of-text token")
		}
		end = []int32{id}
	}
	for text, err := range source.Texts(ctx, path) {
		if err != nil {
			return out, err
		}
		tokens := r.tok.EncodeWithSpecial(text.Text)
		if over := len(tokens) - r.maxLength; r.maxLength > 0 && over > 0 {
			out.shortened, out.lost = out.shortened+1, out.lost+int64(over)
		}
		row := nn.Row{Tokens: append(tokens, end...)}
		if r.maxLength > 0 && len(row.Tokens) > r.maxLength {
			row.Tokens = row.Tokens[:r.maxLength]
		}
		first := 1
		if r.completionOnly {
			first = max(1, r.answer(text.Text, row.Tokens))
			row = supervisedFrom(row.Tokens, first)
		}
		if first >= len(row.Tokens) {
			out.cut = append(out.cut, int64(text.Line))
			continue
		}
		out.list, out.lines = append(out.list, row), append(out.lines, int64(text.Line))
	}
	return out, nil
}

// training is rows of a file to learn from, which must have some. It says how many it leaves out, and what others lose.
func (r reading) training(ctx context.Context, path string, notice func(string)) (rows, error) {
	out, err := r.rows(ctx, path)
	if err != nil {
		return out, err
	}
	if len(out.list) == 0 {
		return out, fault.At(path, 0, "no row has a supervised token (%d rows were cut to none), expected at least one", len(out.cut))
	}
	if out.shortened > 0 {
		notice(fmt.Sprintf("%s: %d of %d rows are longer than max_length %d and lose %d tokens at their ends", path, out.shortened, len(out.list)+len(out.cut), r.maxLength, out.lost))
	}
	if n := len(out.cut); n > 0 {
		notice(fmt.Sprintf("%s: %d rows have no supervised token and are left out", path, n))
	}
	return out, nil
}

// heldOut is rows of a file to measure on, which must have some: the first, so many at most; 0: all.
func (r reading) heldOut(ctx context.Context, path string, most int) (rows, error) {
	out, err := r.rows(ctx, path)
	if err != nil {
		return out, err
	}
	if most > 0 && len(out.list) > most {
		out.list = out.list[:most]
	}
	if len(out.list) == 0 {
		return out, fault.At(path, 0, "no held-out row has a supervised token")
	}
	return out, nil
}

// tellCut tells an observer that wants to know which lines of the training rows are left out.
func tellCut(observer spec.TrainObserver, lines []int64) {
	if hears, ok := observer.(spec.CutObserver); ok {
		for _, line := range lines {
			hears.Cut(line)
		}
	}
}

// answer finds the first token of a text's answer: the one after those that the text has in common with its prompt alone. A
// text without the marker has no answer.
func (r reading) answer(text string, tokens []int32) int {
	at := strings.LastIndex(text, instruct.AssistantMarker)
	if at < 0 {
		return len(tokens)
	}
	return nn.Common(r.tok.EncodeWithSpecial(text[:at+len(instruct.AssistantMarker)]), tokens)
}

// supervisedFrom is a row whose tokens are to be predicted from a place on.
func supervisedFrom(tokens []int32, first int) nn.Row {
	row := nn.Row{Tokens: tokens, Supervised: make([]bool, len(tokens))}
	for at := max(1, first); at < len(tokens); at++ {
		row.Supervised[at] = true
	}
	return row
}

// take picks some rows.
func (r rows) take(index []int) []nn.Row {
	picked := make([]nn.Row, len(index))
	for i, row := range index {
		picked[i] = r.list[row]
	}
	return picked
}

// lengths gives each row's number of tokens.
func (r rows) lengths() []int {
	all := make([]int, len(r.list))
	for i, row := range r.list {
		all[i] = len(row.Tokens)
	}
	return all
}

// leastShared is the number of equal tokens at the beginning of rows from which on it pays to compute them once: an attention
// segment more costs about as much as a dozen tokens.
const leastShared = 16
