package source

import (
	"fmt"
	"io"
	"strings"
)

// RowWriter writes rows as CSV, byte for byte what pandas' to_csv(index=False) writes: \n line ends, quotes
// only where they are needed, missing values empty. A field with a lone \r is quoted too: Python's csv module
// left it bare for long, and reading such a file back breaks the row in two.
type RowWriter struct {
	to   io.Writer
	line []byte
}

// NewRowWriter writes the header at once, to a writer that is best buffered.
func NewRowWriter(to io.Writer, header *Header) (*RowWriter, error) {
	w := &RowWriter{to: to}
	if err := w.write(header.Names); err != nil {
		return nil, err
	}
	return w, nil
}

// Write adds a sound row, all its columns in the header's order.
func (w *RowWriter) Write(row Row) error { return w.write(row.Fields) }

func (w *RowWriter) write(fields []string) error {
	w.line = w.line[:0]
	for i, field := range fields {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = appendField(w.line, field)
	}
	w.line = append(w.line, '\n')
	if _, err := w.to.Write(w.line); err != nil {
		return fmt.Errorf("write CSV row: %w", err)
	}
	return nil
}

func appendField(to []byte, field string) []byte {
	if !strings.ContainsAny(field, ",\"\n\r") {
		return append(to, field...)
	}
	to = append(to, '"')
	for {
		quote := strings.IndexByte(field, '"')
		if quote < 0 {
			break
		}
		to = append(to, field[:quote]...)
		to = append(to, '"', '"')
		field = field[quote+1:]
	}
	to = append(to, field...)
	return append(to, '"')
}
