package source

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"elara/spec/fault"
)

// TextWriter writes {"text": ...} lines, byte for byte those of Python's json.dumps({"text": text}) + "\n"
// with its default ensure_ascii.
type TextWriter struct {
	to    io.Writer
	line  []byte
	count int64
}

// NewTextWriter writes to a writer that is best buffered; each text is one Write.
func NewTextWriter(to io.Writer) *TextWriter { return &TextWriter{to: to} }

// Write adds one line. It refuses text that is not UTF-8.
func (w *TextWriter) Write(text string) error {
	if !utf8.ValidString(text) {
		return fault.New(fault.Invalid, "text %d is not UTF-8; expected valid characters", w.count+1)
	}
	w.line = append(w.line[:0], `{"text": `...)
	w.line = appendPythonString(w.line, text)
	w.line = append(w.line, '}', '\n')
	if _, err := w.to.Write(w.line); err != nil {
		return fmt.Errorf("write text %d: %w", w.count+1, err)
	}
	w.count++
	return nil
}

// Count is how many lines were written.
func (w *TextWriter) Count() int64 { return w.count }

func appendPythonString(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	escape := func(unit rune) {
		to = append(to, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
	}
	to = append(to, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r >= ' ' && r <= '~':
			to = append(to, byte(r))
		case r == '\n':
			to = append(to, '\\', 'n')
		case r == '\r':
			to = append(to, '\\', 'r')
		case r == '\t':
			to = append(to, '\\', 't')
		case r == '\f':
			to = append(to, '\\', 'f')
		case r == '\b':
			to = append(to, '\\', 'b')
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escape(high)
			escape(low)
		default:
			escape(r)
		}
	}
	return append(to, '"')
}
