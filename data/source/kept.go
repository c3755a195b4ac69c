package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"elara/spec"
	"elara/spec/fault"
)

// kept is the stored form of a row between two stages: JSONL, whatever columns the row's file had. Columns
// beside question and answer are left behind; the identity leads back to them.
type kept struct {
	ID
	Question  string          `json:"question"`
	Answer    string          `json:"answer"`
	Audiences []spec.Audience `json:"audiences,omitzero"` // absent: all; empty: none
}

// KeptWriter stores sound rows for a later stage.
type KeptWriter struct{ lines *json.Encoder }

// NewKeptWriter writes to a writer that is best buffered.
func NewKeptWriter(to io.Writer) *KeptWriter {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	return &KeptWriter{lines: lines}
}

// Write stores one row.
func (w *KeptWriter) Write(row Row) error {
	err := w.lines.Encode(kept{ID: row.ID, Question: row.Question(), Answer: row.Answer(), Audiences: row.Audiences})
	if err != nil {
		return fmt.Errorf("store row %s:%d: %w", row.ID.File, row.ID.Line, err)
	}
	return nil
}

// Kept reads stored rows back: identity, question, answer and audiences as they were. What no KeptWriter wrote
// is an error of kind Corrupt that names the line. It reads once; name is what errors call the stream.
func Kept(ctx context.Context, in io.Reader, name string) iter.Seq2[Row, error] {
	header := &Header{Names: []string{"question", "answer"}, question: 0, answer: 1}
	return func(yield func(Row, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(make([]byte, 256<<10), MaxLineBytes)
		line := 0
		for lines.Scan() {
			line++
			if line%1024 == 0 && ctx.Err() != nil {
				yield(Row{}, context.Cause(ctx))
				return
			}
			stored, err := parseKept(lines.Bytes())
			if err != nil {
				yield(Row{}, fault.New(fault.Corrupt, "%s:%d: %w", name, line, err))
				return
			}
			row := Row{ID: stored.ID, Header: header, Fields: []string{stored.Question, stored.Answer}, Audiences: stored.Audiences}
			if !yield(row, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Row{}, fmt.Errorf("read %s after line %d: %w", name, line, err))
		}
	}
}

var errNotKept = errors.New("not a stored row; expected file, line, digest, question and answer")

// parseKept repeats nothing of the line in its error.
func parseKept(line []byte) (kept, error) {
	in := json.NewDecoder(bytes.NewReader(line))
	in.DisallowUnknownFields()
	var stored kept
	if err := in.Decode(&stored); err != nil || in.InputOffset() != int64(len(line)) {
		return kept{}, errNotKept
	}
	if stored.Question == "" || stored.Answer == "" || stored.Digest.Check() != nil {
		return kept{}, errNotKept
	}
	return stored, nil
}
