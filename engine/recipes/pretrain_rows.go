//go:build torch

package recipes

import (
	"context"
	"fmt"

	"elara/data/corpus"
	"elara/data/tokenizer"
	"elara/engine/nn"
	"elara/spec"
	"elara/spec/fault"
)

// documents says how running text becomes rows. Every row is a segment of its own: no token sees another document.
type documents struct {
	tok       *tokenizer.Tokenizer
	by        spec.SampleBy
	maxLength int // tokens of a row at most
	long      spec.LongDocuments
	appendEOS bool // a document that was not cut ends with the end-of-text token
}

// read tokenises the documents of a file, with the special tokens the tokenizer itself adds. A document of one token predicts
// nothing; it is left out, and its line kept. lost is how many tokens were cut off, longer from how many documents.
func (d documents) read(ctx context.Context, path string) (out rows, lost, longer int64, err error) {
	var end []int32
	if d.appendEOS {
		id, _, ok := d.tok.EOS()
		if !ok {
			return out, 0, 0, fault.At(path, 0, "append_eos is set, but the tokenizer names no end-of-text token")
		}
		end = []int32{id}
	}
	reader := corpus.Reader{By: d.by}
	for document, err := range reader.Documents(ctx, []string{path}) {
		if err != nil {
			return out, 0, 0, err
		}
		tokens := append(d.tok.EncodeWithSpecial(document.Text), end...)
		if len(tokens) < 2 {
			out.cut = append(out.cut, int64(document.Line))
			continue
		}
		parts := d.parts(tokens)
		if len(tokens) > d.maxLength {
			longer++
			if d.long == spec.LongCut {
				lost += int64(len(tokens) - d.maxLength)
			}
		}
		for _, part := range parts {
			out.list = append(out.list, nn.Row{Tokens: part})
		}
	}
	return out, lost, longer, nil
}

// parts cuts a document off, or into rows that overlap by one token.
func (d documents) parts(tokens []int32) [][]int32 {
	if d.long == spec.LongCut {
		return [][]int32{tokens[:min(len(tokens), d.maxLength)]}
	}
	var parts [][]int32
	for len(tokens) > d.maxLength {
		parts = append(parts, tokens[:d.maxLength])
		tokens = tokens[d.maxLength-1:]
	}
	return append(parts, tokens)
}

// read loads the documents and says what became of them.
func (p *pretraining) read(ctx context.Context) error {
	if err := p.job.LongDocuments.Check(); err != nil {
		return err
	}
	d := documents{
		tok: p.base.tok, by: p.job.SampleBy, maxLength: min(p.job.MaxLength, int(p.base.model.Facts().MaxPositions)),
		long: p.job.LongDocuments, appendEOS: p.job.AppendEOS,
	}
	var err error
	var lost, longer int64
	if p.train, lost, longer, err = d.read(ctx, p.job.TrainDataPath); err != nil {
		return err
	}
	if len(p.train.list) == 0 {
		return fault.At(p.job.TrainDataPath, 0, "no document has two tokens (%d have fewer), expected at least one", len(p.train.cut))
	}
	if n := len(p.train.cut); n > 0 {
		p.runner.notice(fmt.Sprintf("%s: %d documents have fewer than two tokens and are left out", p.job.TrainDataPath, n))
	}
	if lost > 0 {
		p.runner.notice(fmt.Sprintf("%s: %d documents are longer than %d tokens; %d tokens are cut off (long_documents: split keeps them)",
			p.job.TrainDataPath, longer, d.maxLength, lost))
	}
	if p.job.EvalDataPath != "" {
		p.eval, _, _, err = d.read(ctx, p.job.EvalDataPath)
	}
	return err
}
