package text

import (
	"fmt"
	"strconv"
	"strings"
)

// pattern is a row of words to find in one sentence. In its written form | parts alternatives, * at the end of a word
// stands for any ending, ! before a word asks for this exact spelling, and .. or ..N between words lets up to 4 or N
// others stand there:
//
//	chest ..3 pain|tight*|pressure
type pattern struct {
	parts []part
}

// part is one word of a pattern, or a gap before it.
type part struct {
	gap   int // other words that may stand before it
	words []wanted
}

type wanted struct {
	letters  string
	isPrefix bool
	isExact  bool
}

const usualGap = 4

func parsePattern(written string, named map[string]string) (pattern, error) {
	var p pattern
	gap, hasGap := 0, false
	for _, field := range strings.Fields(written) {
		if rest, isGap := strings.CutPrefix(field, ".."); isGap {
			gap, hasGap = usualGap, true
			if rest != "" {
				n, err := strconv.Atoi(rest)
				if err != nil || n < 1 {
					return pattern{}, fmt.Errorf("gap %q; expected .. or ..N", field)
				}
				gap = n
			}
			if len(p.parts) == 0 {
				return pattern{}, fmt.Errorf("pattern %q begins with a gap; expected a word", written)
			}
			continue
		}
		next := part{gap: gap}
		alternatives, err := spellOut(field, named)
		if err != nil {
			return pattern{}, err
		}
		for _, alternative := range alternatives {
			w := wanted{}
			w.letters, w.isPrefix = strings.CutSuffix(alternative, "*")
			w.letters, w.isExact = strings.CutPrefix(w.letters, "!")
			if w.letters == "" || w.letters != strings.ToLower(w.letters) {
				return pattern{}, fmt.Errorf("word %q; expected lower-case letters", alternative)
			}
			next.words = append(next.words, w)
		}
		p.parts = append(p.parts, next)
		gap, hasGap = 0, false
	}
	if len(p.parts) == 0 || hasGap {
		return pattern{}, fmt.Errorf("pattern %q; expected words", written)
	}
	return p, nil
}

// spellOut gives the alternatives of a field, with those that a name stands for.
func spellOut(field string, named map[string]string) ([]string, error) {
	var all []string
	for _, alternative := range strings.Split(field, "|") {
		group, isGroup := strings.CutPrefix(alternative, "@")
		if !isGroup {
			all = append(all, alternative)
			continue
		}
		words, isKnown := named[group]
		if !isKnown {
			return nil, fmt.Errorf("alternatives %q; expected a name given above", alternative)
		}
		all = append(all, strings.Split(words, "|")...)
	}
	return all, nil
}

// matchAt looks for the pattern with its first word at i, inside one sentence, and gives its last word.
func (p pattern) matchAt(d *Doc, i int, slips bool) (last int, isFound bool) {
	if !p.parts[0].fits(d.Words[i].Lower, slips) {
		return 0, false
	}
	return p.rest(d, i, 1, slips)
}

func (p pattern) rest(d *Doc, at, next int, slips bool) (last int, isFound bool) {
	if next == len(p.parts) {
		return at, true
	}
	for i := at + 1; i <= at+1+p.parts[next].gap && i < len(d.Words); i++ {
		if d.Words[i].Sentence != d.Words[at].Sentence {
			break
		}
		if p.parts[next].fits(d.Words[i].Lower, slips) {
			if last, isFound := p.rest(d, i, next+1, slips); isFound {
				return last, true
			}
		}
	}
	return 0, false
}

func (p part) fits(word string, slips bool) bool {
	if owner, isOwner := strings.CutSuffix(word, "'s"); isOwner && p.fits(owner, slips) {
		return true
	}
	for _, w := range p.words {
		switch {
		case w.letters == word, w.isPrefix && strings.HasPrefix(word, w.letters):
			return true
		case !slips || w.isExact || isRight()[word]:
		case w.isPrefix && len(word) >= len(w.letters):
			// the slip may lie in the stem; what follows it is free
			for n := len(w.letters) - 1; n <= min(len(w.letters)+1, len(word)); n++ {
				if n >= 5 && IsSlip(word[:n], w.letters) {
					return true
				}
			}
		case !w.isPrefix && IsSlip(word, w.letters):
			return true
		}
	}
	return false
}
