package tokenizer

import (
	"slices"
	"strings"
)

// stage is one pre-tokenizer of a sequence.
type stage struct {
	name        string  // for the hash; equal names cut alike
	prefixSpace bool    // put a space before a piece that has none
	scan        scanner // nil where only the prefix matters
}

// pipeline is what happens to text between the added tokens.
type pipeline struct {
	normalizers []canonical
	stages      []stage
}

// normalize applies the normalisers in order.
func (p *pipeline) normalize(s string) string {
	for _, n := range p.normalizers {
		s = n.apply(s)
	}
	return s
}

// appendWords cuts s through the stages from the given one on and appends the tokens of each word.
func (p *pipeline) appendWords(dst []int32, s string, from int, words *bpe, w *workspace) []int32 {
	if from == len(p.stages) {
		return words.appendWord(dst, s, len(s), w)
	}
	current := p.stages[from]
	if current.prefixSpace && !strings.HasPrefix(s, " ") {
		s = " " + s
	}
	if current.scan == nil {
		return p.appendWords(dst, s, from+1, words, w)
	}
	isLast := from+1 == len(p.stages)
	for len(s) > 0 {
		end := current.scan(s)
		if isLast {
			dst = words.appendWord(dst, s, end, w)
		} else {
			dst = p.appendWords(dst, s[:end], from+1, words, w)
		}
		s = s[end:]
	}
	return dst
}

// prefixesSpace reports whether text that begins without a space gets one.
func (p *pipeline) prefixesSpace() bool {
	return slices.ContainsFunc(p.stages, func(s stage) bool { return s.prefixSpace })
}

// describe writes the pipeline so that two that treat every text alike are written alike, however their files put it.
func (p *pipeline) describe() string {
	var b strings.Builder
	for _, n := range p.normalizers {
		if n.compose {
			b.WriteString("nfc ")
			continue
		}
		b.WriteString("nfd ")
	}
	for _, s := range p.stages {
		if s.prefixSpace {
			b.WriteString("prefix-space ")
		}
		if s.scan != nil {
			b.WriteString(s.name + " ")
		}
	}
	return b.String()
}
