package terminal

import "strings"

// Bar draws how much of a total is done, exactly width characters wide. A total of 0 is not known yet: the bar is empty.
func Bar(done, total int64, width int) string {
	const full, half, empty = "━", "╸", "─"
	if total <= 0 || done <= 0 {
		return strings.Repeat(empty, width)
	}
	halves := int(min(done, total) * int64(2*width) / total)
	bar := strings.Repeat(full, halves/2)
	if halves%2 == 1 {
		bar += half
	}
	return bar + strings.Repeat(empty, width-(halves+1)/2)
}
