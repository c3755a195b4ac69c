package tokenizer

import (
	"bytes"
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
	firsts []byte // with which tokens begin
	tokens []AddedToken
}

type matchNode struct {
	next     []byte // that go on from here
	children []*matchNode
	token    int // index into tokens of the token that ends here, or none
}

// child is the node that a byte leads to, or nil.
func (n *matchNode) child(b byte) *matchNode {
	if i := bytes.IndexByte(n.next, b); i >= 0 {
		return n.children[i]
	}
	return nil
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
			*node = &matchNode{token: none}
			m.firsts = append(m.firsts, spelt[0])
		}
		at := *node
		for k := 1; k < len(spelt); k++ {
			next := at.child(spelt[k])
			if next == nil {
				next = &matchNode{token: none}
				at.next, at.children = append(at.next, spelt[k]), append(at.children, next)
			}
			at = next
		}
		if at.token == none { // of two that look the same after normalisation the first wins
			at.token = i
		}
	}
	return m
}

// find gives the first token at or after from, and where it lies; false when there is none.
func (m *matcher) find(s string, from int) (token AddedToken, start, end int, found bool) {
	for start = m.begin(s, from); start < len(s); start = m.begin(s, start+1) {
		node := m.root[s[start]]
		longest := none
		for at := start + 1; ; at++ {
			if node.token != none {
				longest, end = node.token, at
			}
			if at == len(s) {
				break
			}
			if node = node.child(s[at]); node == nil {
				break
			}
		}
		if longest != none {
			return m.tokens[longest], start, end, true
		}
	}
	return AddedToken{}, 0, 0, false
}

// begin gives the first place at or after from where a token may begin; len(s) when there is none. In published
// tokenizers all begin with "<", which is looked for sixteen bytes and more at a time.
func (m *matcher) begin(s string, from int) int {
	if len(m.firsts) == 1 {
		if i := strings.IndexByte(s[from:], m.firsts[0]); i >= 0 {
			return from + i
		}
		return len(s)
	}
	for from < len(s) && m.root[s[from]] == nil {
		from++
	}
	return from
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
