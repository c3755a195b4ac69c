package serving

import (
	"strings"
	"unicode/utf8"
)

// text is an answer in the making: tokens go in, and what is sure to stay comes out. Together the pieces are the whole answer as
// Decode gives it, up to the first of the stops.
type text struct {
	tokenizer Tokenizer
	stops     []string

	ids     []int32 // whose bytes may end in the middle of a character
	held    string  // may be the beginning of a stop
	stopped bool
}

// add takes a token.
func (t *text) add(id int32) (piece string) {
	t.ids = append(t.ids, id)
	decoded := t.tokenizer.Decode(t.ids, true)
	if strings.HasSuffix(decoded, string(utf8.RuneError)) { // the rest of the character is to come, if it is one
		return ""
	}
	t.ids = t.ids[:0]
	return t.give(decoded, false)
}

// end gives what was held back.
func (t *text) end() (piece string) {
	decoded := t.tokenizer.Decode(t.ids, true)
	t.ids = nil
	return t.give(decoded, true)
}

// give appends to what is held, and lets go what cannot become a stop any more.
func (t *text) give(more string, last bool) string {
	if t.stopped {
		return ""
	}
	t.held += more
	first := -1
	for _, stop := range t.stops {
		if at := strings.Index(t.held, stop); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	if first >= 0 {
		piece := t.held[:first]
		t.held, t.stopped = "", true
		return piece
	}
	sure := len(t.held)
	for _, stop := range t.stops {
		for n := min(len(stop)-1, len(t.held)); n > 0 && !last; n-- {
			if strings.HasSuffix(t.held, stop[:n]) {
				sure = min(sure, len(t.held)-n)
				break
			}
		}
	}
	piece := t.held[:sure]
	t.held = t.held[sure:]
	return piece
}
