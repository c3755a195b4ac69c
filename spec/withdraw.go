package spec

import (
	"strings"
	"time"

	"elara/spec/fault"
)

// RowSelector names rows: those of one file, one line of a file, or all of the same bytes.
type RowSelector struct {
	Source string `json:"source,omitempty"` // file's name below its data source, such as "ward-rounds.csv", or with the source's number before it
	Line   int    `json:"line,omitempty"`   // of Source; 0: all of them
	Row    Digest `json:"row,omitempty"`    // first digits, or all, of the digest of the row's bytes
}

// Selects reports whether a row is meant.
func (s RowSelector) Selects(file string, line int, digest Digest) bool {
	if s.Row != "" {
		return strings.HasPrefix(string(digest), string(s.Row))
	}
	_, below, _ := strings.Cut(file, "/")
	return s.Source != "" && (s.Source == below || s.Source == file) && (s.Line == 0 || s.Line == line)
}

// Withdrawal is a named human's word that a source or a row must not be trained on any more.
type Withdrawal struct {
	Source string    `json:"source,omitempty"` // as in RowSelector
	Row    Digest    `json:"row,omitempty"`    // whole; one of the two is set
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Selector gives the rows that are withdrawn.
func (w Withdrawal) Selector() RowSelector { return RowSelector{Source: w.Source, Row: w.Row} }

// Check refuses a withdrawal of nothing, by nobody or without a reason.
func (w Withdrawal) Check() error {
	switch {
	case (w.Source == "") == (w.Row == ""):
		return fault.New(fault.Invalid, "withdrawal: expected a source or the digest of a row, one of them")
	case Person(w.By) == "":
		return fault.New(fault.Invalid, "withdrawal: expected the name of whoever withdraws")
	case strings.TrimSpace(w.Reason) == "":
		return fault.New(fault.Invalid, "withdrawal: expected a reason")
	case w.Row != "":
		return w.Row.Check()
	}
	return nil
}
