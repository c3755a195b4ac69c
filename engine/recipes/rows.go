//go:build torch

package recipes

import (
	"context"

	"elara/data/source"
	"elara/data/tokenizer"
	"elara/engine/nn"
	"elara/spec/fault"
)

// rows are the token sequences of a JSONL file, and how many of its lines gave none.
type rows struct {
	tokens  [][]int32
	dropped int64 // lines cut to no supervised token
}

// readRows tokenises the texts of a file, with the special tokens the tokenizer itself adds, and cuts them to maxLength.
// With appendEOS a row that was not cut ends with the end-of-text token; a cut row does not, for it would teach the model to
// stop in the middle of a sentence. A row of fewer than two tokens supervises nothing and is dropped, with its count kept.
func readRows(ctx context.Context, path string, tok *tokenizer.Tokenizer, maxLength int, appendEOS bool) (rows, error) {
	var out rows
	var end []int32
	if appendEOS {
		id, _, ok := tok.EOS()
		if !ok {
			return out, fault.At(path, 0, "append_eos is set, but the tokenizer names no end-of-text token")
		}
		end = []int32{id}
	}
	for text, err := range source.Texts(ctx, path) {
		if err != nil {
			return out, err
		}
		ids := append(tok.EncodeWithSpecial(text.Text), end...)
		if maxLength > 0 && len(ids) > maxLength {
			ids = ids[:maxLength]
		}
		if len(ids) < 2 {
			out.dropped++
			continue
		}
		out.tokens = append(out.tokens, ids)
	}
	return out, nil
}

// take picks some rows.
func (r rows) take(index []int) []nn.Row {
	picked := make([]nn.Row, len(index))
	for i, row := range index {
		picked[i].Tokens = r.tokens[row]
	}
	return picked
}

// leastShared is the number of equal tokens at the beginning of rows from which on it pays to compute them once: an attention
// segment more costs about as much as a dozen tokens.
const leastShared = 16
