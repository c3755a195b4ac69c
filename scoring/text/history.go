package text

import (
	"slices"
	"strconv"
)

var (
	pastPairs = []string{"years ago", "year ago", "months ago", "last year", "as child", "history of", "used to", "in childhood", "a decade", "decades ago", "no longer"}
	pastWords = []string{"previously", "formerly", "recovered", "childhood", "teenager", "earlier"}
)

// Past reports whether the sentence of a word tells of something long over: a year, "years ago", "as a child". A
// sentence that also says "now" or "today" is about the present.
func (d *Doc) Past(word int) bool {
	first, last := d.Sentence(d.Words[word].Sentence)
	isPast := false
	for i := first; i <= last; i++ {
		w := d.Words[i].Lower
		switch w {
		case "now", "today", "again", "currently", "suddenly", "tonight":
			return false
		}
		if slices.Contains(pastWords, w) || isYear(w) && i > first && slices.Contains([]string{"in", "since", "of"}, d.Words[i-1].Lower) {
			isPast = true
		}
		if i < last && slices.Contains(pastPairs, w+" "+d.Words[i+1].Lower) {
			isPast = true
		}
		if i+2 <= last && w == "as" && d.Words[i+1].Lower == "a" && slices.Contains([]string{"child", "baby", "teenager", "kid", "student"}, d.Words[i+2].Lower) {
			isPast = i > first // "As a student I feel ..." is the present
		}
		if i+2 <= last && w == "when" && d.Words[i+1].Lower == "i" && d.Words[i+2].Lower == "was" {
			isPast = true
		}
	}
	return isPast
}

func isYear(word string) bool {
	year, err := strconv.Atoi(word)
	return err == nil && len(word) == 4 && year >= 1900 && year <= 2099
}
