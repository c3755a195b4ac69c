package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Frame is a block of lines at the bottom of a terminal that is redrawn in place.
type Frame struct {
	out   io.Writer
	width func() int // of the terminal in columns, asked at every drawing
	drawn int        // lines on the screen now
}

// NewFrame draws on a terminal; the caller has made sure that out is one.
func NewFrame(out io.Writer, width func() int) *Frame { return &Frame{out: out, width: width} }

const (
	cursorUp   = "\x1b[%dA"
	clearBelow = "\x1b[J"
)

// Draw replaces the frame by these lines, each cut to the width so that it takes one row of the screen.
func (f *Frame) Draw(lines []string) error {
	var b strings.Builder
	f.back(&b)
	width := f.width()
	for _, line := range lines {
		b.WriteString(Cut(line, width))
		b.WriteByte('\n')
	}
	f.drawn = len(lines)
	_, err := io.WriteString(f.out, b.String())
	return err
}

func (f *Frame) back(b *strings.Builder) {
	if f.drawn > 0 {
		fmt.Fprintf(b, "\r"+cursorUp+clearBelow, f.drawn)
	}
}

// Cut shortens a text to a number of characters; the last one then says that there was more.
func Cut(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// Wrap breaks a text into lines of at most width characters at its spaces, each after the indent. Runs of white space
// become one space. What a terminal would obey instead of showing is replaced: the text may be a model's.
func Wrap(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(strings.Map(shown, text)) {
		length := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			b.WriteString(indent)
			column = utf8.RuneCountInString(indent)
		case column+1+length > width:
			b.WriteString("\n" + indent)
			column = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += length
	}
	return b.String()
}

// shown replaces characters that are neither visible nor white space.
func shown(r rune) rune {
	if Shows(r) || unicode.IsSpace(r) {
		return r
	}
	return unicode.ReplacementChar
}

// Shows reports whether a terminal shows a character, as itself or as room. Others it obeys, as it does a carriage return, or
// hides, as it does what has no width or turns the direction of a text around.
func Shows(r rune) bool {
	return unicode.IsPrint(r) || r == '\n' || r == '\t' || unicode.Is(unicode.Zs, r)
}
