package terminal

import (
	"strings"
	"unicode/utf8"
)

// Table lines up rows under a header. Its cells hold no line ends.
type Table struct {
	Header []string
	Rows   [][]string
	// Right marks the columns that hold numbers, by index.
	Right []int
}

const columnGap = "  "

// String draws the table with a line end after every row, and no spaces at the end of a line.
func (t Table) String() string {
	widths := make([]int, len(t.Header))
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	right := make([]bool, len(widths))
	for _, i := range t.Right {
		right[i] = true
	}
	rules := make([]string, len(widths))
	for i, width := range widths {
		rules[i] = strings.Repeat("─", width)
	}
	var b strings.Builder
	for _, row := range append([][]string{t.Header, rules}, t.Rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(columnGap)
			}
			fill := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line.WriteString(fill + cell)
			} else {
				line.WriteString(cell + fill)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}
