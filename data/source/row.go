package source

import (
	"slices"

	"elara/spec"
)

// ID is the identity of a row: where it stands and which bytes stood there. It never holds text of the row.
type ID struct {
	File   string      `json:"file"`   // File.Name
	Line   int         `json:"line"`   // of the row's first byte, from 1
	Digest spec.Digest `json:"digest"` // of the row's bytes in the file, without its line end
}

// Row is one row under the header of a CSV file.
type Row struct {
	ID     ID
	Header *Header
	Fields []string // one per column, "" for a missing value; empty when the row is bad
	Bad    *Defect  // nil for a sound row
	// Audiences are those whose adapters may have the row; nil: all, empty: none.
	Audiences []spec.Audience
}

// Question is the row's question, "" when it is missing.
func (r Row) Question() string { return r.field(r.Header.question) }

// Answer is the row's answer, "" when it is missing.
func (r Row) Answer() string { return r.field(r.Header.answer) }

// IsFor reports whether the row may go to adapters of the audience.
func (r Row) IsFor(audience spec.Audience) bool {
	return r.Audiences == nil || slices.Contains(r.Audiences, audience)
}

// With is the row with another question and answer; the original is left as it is.
func (r Row) With(question, answer string) Row {
	if question != r.Question() || answer != r.Answer() {
		r.Fields = slices.Clone(r.Fields)
		r.Fields[r.Header.question], r.Fields[r.Header.answer] = question, answer
	}
	return r
}

func (r Row) field(column int) string {
	if r.Bad != nil {
		return ""
	}
	return r.Fields[column]
}

// Defect says why a row could not be read for certain.
type Defect struct {
	Reason Reason
	Detail string // figures for the reader, such as "3 fields, expected 2"; never text of the row
}

// Reason is the sort of a Defect. Reasons are part of the ledger's bucket names: they are never renamed, only added.
type Reason string

const (
	TooFewFields    Reason = "too_few_fields"
	TooManyFields   Reason = "too_many_fields"
	BareQuote       Reason = "bare_quote" // a quote inside an unquoted field, or text after a closing quote
	InvalidUTF8     Reason = "invalid_utf8"
	UnknownAudience Reason = "unknown_audience"
)

// Reasons lists all of them, in the order of every report.
func Reasons() []Reason {
	return []Reason{TooFewFields, TooManyFields, BareQuote, InvalidUTF8, UnknownAudience}
}
