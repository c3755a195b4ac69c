package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// AddedToken is a token that is found in the text as it stands, before anything else is cut.
type AddedToken struct {
	ID         int32
	Content    string
	Special    bool // left out by Decode on request
	Normalized bool // looked for after normalisation instead of before
	LStrip     bool // takes the white space before it along
	RStrip     bool // takes the white space after it along
	SingleWord bool // found only where no word character touches it
}

// matcher finds added tokens: at the leftmost place where one begins, the longest.
type matcher struct {
	root   [256]*matchNode
	tokens []AddedToken
}

type matchNode struct {
	children map[byte]*matchNode
	token    int // index into tokens of the token that ends here, or none
}

// newMatcher looks for each token under the spelling that belongs to it. It returns nil when there is none.
func newMatcher(tokens []AddedToken, spelling func(string) string) *matcher {
	if len(tokens) == 0 {
		return nil
	}
	m := &matcher{tokens: tokens}
	for i, t := range tokens {
		spelt := spelling(t.Content)
		if spelt == "" {
			continue
		}
		node := &m.root[spelt[0]]
		if *node == nil {
			*node = newMatchNode()
		}
		at := *node
		for k := 1; k < len(spelt); k++ {
			next := at.children[spelt[k]]
			if next == nil {
				next = newMatchNode()
				at.children[spelt[k]] = next
			}
			at = next
		}
		if at.token == none { // of two that look the same after normalisation the first wins
			at.token = i
		}
	}
	return m
}

func newMatchNode() *matchNode { return &matchNode{children: make(map[byte]*matchNode), token: none} }

// find gives the first token at or after from, and where it lies; false when there is none.
func (m *matcher) find(s string, from int) (token AddedToken, start, end int, found bool) {
	for start = from; start < len(s); start++ {
		node := m.root[s[start]]
		if node == nil {
			continue
		}
		longest := none
		for at := start + 1; ; at++ {
			if node.token != none {
				longest, end = node.token, at
			}
			if at == len(s) {
				break
			}
			if node = node.children[s[at]]; node == nil {
				break
			}
		}
		if longest != none {
			return m.tokens[longest], start, end, true
		}
	}
	return AddedToken{}, 0, 0, false
}

// split cuts s at added tokens and hands the parts to text and token in order.
func (m *matcher) split(s string, text func(string), token func(AddedToken)) {
	done := 0
	for from := 0; ; {
		t, start, end, found := m.find(s, from)
		if !found {
			break
		}
		from = end
		if t.SingleWord && (endsInWord(s[:start]) || startsInWord(s[end:])) {
			continue
		}
		if t.LStrip {
			start = len(strings.TrimRightFunc(s[:start], unicode.IsSpace))
		}
		if t.RStrip {
			end = len(s) - len(strings.TrimLeftFunc(s[end:], unicode.IsSpace))
		}
		if done < start { // the token before may have taken the white space already
			text(s[done:start])
		}
		token(t)
		done = end
	}
	if done < len(s) {
		text(s[done:])
	}
}

func endsInWord(s string) bool {
	r, size := utf8.DecodeLastRuneInString(s)
	return size > 0 && isWord(r)
}

func startsInWord(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return size > 0 && isWord(r)
}
