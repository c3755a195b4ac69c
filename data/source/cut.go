package source

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// cutter cuts a byte stream into CSV rows and fields, at the places where pandas' default parser does: comma,
// double quote, quotes inside quotes doubled; a row ends at \n, \r\n or a lone \r outside quotes; lines that
// are empty or hold only blanks and tabs are no rows. Its split method is a bufio.SplitFunc whose tokens are
// the rows without their line ends; the other fields describe the row that split returned last.
type cutter struct {
	next int // line of the first byte that no row has taken yet, from 1

	start  int    // line of the row's first byte
	fields []span // in the row's bytes
	isBare bool   // the row has a quote where none may be

	opened int // line of the quote that was still open where split ran out of bytes, 0 when none was
}

// span is a field: raw[from:to], where each "" stands for one quote if isDoubled.
type span struct {
	from, to  int
	isDoubled bool
}

func (s span) of(raw string) string {
	if s.isDoubled {
		return strings.ReplaceAll(raw[s.from:s.to], `""`, `"`)
	}
	return raw[s.from:s.to]
}

// quoteError is a quote that swallows what follows it; nothing behind it can be cut for certain.
type quoteError struct {
	opened int // line
	closed int // line; 0 for never
}

func (e *quoteError) Error() string {
	if e.closed == 0 {
		return "quote opened here is never closed; expected a closing quote before the end of the file"
	}
	return fmt.Sprintf("quote opened here is followed by text where it closes, on line %d; "+
		"expected a closing quote before a comma or a line end, and quotes inside the field doubled", e.closed)
}

// errMore asks the scanner for more bytes.
var errMore = errors.New("row goes on behind these bytes")

func (c *cutter) split(data []byte, atEOF bool) (advance int, row []byte, err error) {
	begin := 0
	for {
		n, isComplete := blankLine(data[begin:], atEOF)
		if !isComplete {
			return begin, nil, nil
		}
		if n == 0 {
			break
		}
		begin += n
		c.next++
	}
	text, taken, err := c.cut(data[begin:], atEOF)
	switch {
	case errors.Is(err, errMore):
		return begin, nil, nil
	case err != nil:
		return 0, nil, err
	}
	return begin + taken, text, nil
}

// blankLine gives the length of the blank line that data starts with, 0 if it starts with a row. It is not
// complete when more bytes could decide otherwise, or when there is nothing left.
func blankLine(data []byte, atEOF bool) (n int, isComplete bool) {
	for i, b := range data {
		switch b {
		case ' ', '\t':
		case '\n', '\r':
			end, isComplete := lineEnd(data[i:], atEOF)
			return i + end, isComplete
		default:
			return 0, true
		}
	}
	return len(data), atEOF && len(data) > 0
}

// lineEnd gives the length of the line end that data starts with; a \r that may have its \n still to come is
// not complete.
func lineEnd(data []byte, atEOF bool) (n int, isComplete bool) {
	if data[0] == '\n' {
		return 1, true
	}
	if len(data) == 1 {
		return 1, atEOF
	}
	if data[1] == '\n' {
		return 2, true
	}
	return 1, true
}

// cut takes one row from the start of data, which is not blank: its bytes, and how many it took with the line end.
func (c *cutter) cut(data []byte, atEOF bool) (row []byte, taken int, err error) {
	c.start, c.fields, c.isBare, c.opened = c.next, c.fields[:0], false, 0
	line, at := c.next, 0
	for {
		field := span{from: at, to: at}
		if at < len(data) && data[at] == '"' {
			opened := line
			if field, line, err = c.quoted(data, at, line, atEOF); err != nil {
				return nil, 0, err
			}
			at = field.to + 1
			if at < len(data) && data[at] != ',' && data[at] != '\n' && data[at] != '\r' {
				// On one line this is a slip inside the field. Over several lines the likelier story is a quote
				// that was never closed and took the beginning of a later row with it.
				if line != opened {
					return nil, 0, &quoteError{opened: opened, closed: line}
				}
				c.isBare = true
			}
		}
		for at < len(data) && data[at] != ',' && data[at] != '\n' && data[at] != '\r' {
			c.isBare = c.isBare || data[at] == '"'
			at++
			field.to = at
		}
		c.fields = append(c.fields, field)
		switch {
		case at == len(data) && !atEOF:
			return nil, 0, errMore
		case at == len(data):
			c.next = line
			return data, at, nil
		case data[at] == ',':
			at++
			continue
		}
		n, isComplete := lineEnd(data[at:], atEOF)
		if !isComplete {
			return nil, 0, errMore
		}
		c.next = line + 1
		return data[:at], at + n, nil
	}
}

// quoted takes the quoted field whose opening quote is data[at]; the span lies between the quotes. It also
// gives the line on which the field closes. A quote at the very end of data may be the first of two; cut then asks
// for more in any case.
func (c *cutter) quoted(data []byte, at, line int, atEOF bool) (field span, closed int, err error) {
	opened := line
	field.from = at + 1
	for at++; ; at++ {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 && atEOF {
			return span{}, 0, &quoteError{opened: opened}
		}
		if n < 0 {
			c.opened = opened
			return span{}, 0, errMore
		}
		line += lineEnds(data[at : at+n])
		at += n + 1
		if at == len(data) || data[at] != '"' {
			field.to = at - 1
			return field, line, nil
		}
		field.isDoubled = true
	}
}

// lineEnds counts \n, \r\n and lone \r.
func lineEnds(data []byte) int {
	n := bytes.Count(data, []byte{'\n'})
	for {
		cr := bytes.IndexByte(data, '\r')
		if cr < 0 {
			return n
		}
		data = data[cr+1:]
		if len(data) == 0 || data[0] != '\n' {
			n++
		}
	}
}
