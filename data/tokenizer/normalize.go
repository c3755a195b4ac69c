package tokenizer

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// canonical puts text into Unicode's canonical form, composed (NFC) or decomposed (NFD), as the Python library does.
// The norm package alone would not: it breaks runs of more than 30 combining marks with U+034F, and it knows marks
// that the library's older tables do not (inertMarks).
type canonical struct{ compose bool }

// firstMark is the lowest character that can join the one before it.
const firstMark = 0x300

func (c canonical) apply(s string) string {
	form, changing := norm.NFD, byte(0xc3) // of U+00C0, the first character that decomposes
	if c.compose {
		form, changing = norm.NFC, 0xcc // of firstMark
	}
	if isBelow(s, changing) || form.IsNormalString(s) { // then it is so by the older tables too
		return s
	}
	dst := make([]byte, 0, len(s)+len(s)/8)
	var marks []mark
	for {
		normal := form.QuickSpanString(s)
		dst = append(dst, s[:normal]...)
		s = s[normal:]
		if s == "" {
			return string(dst)
		}
		// From here to the next ASCII character, which joins nothing before it.
		end := 1
		for end < len(s) && s[end] >= utf8.RuneSelf {
			end++
		}
		dst, marks = c.appendNormal(dst, s[:end], marks)
		s = s[end:]
	}
}

// isBelow reports whether all bytes are below a limit of 0x80 or more.
func isBelow(s string, limit byte) bool {
	for len(s) >= 8 && eight(s[:8])&0x8080808080808080 == 0 {
		s = s[8:]
	}
	for i := range len(s) {
		if s[i] >= limit {
			return false
		}
	}
	return true
}

// appendNormal appends the normal form of s, character by character. Marks is memory for it, empty.
func (c canonical) appendNormal(dst []byte, s string, marks []mark) ([]byte, []mark) {
	var memory [4]mark // no character decomposes into more
	parts := memory[:0]
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 { // not UTF-8: kept as it is
			dst, marks = c.flush(dst, marks)
			dst = append(dst, s[i])
			i++
			continue
		}
		parts = appendDecomposed(parts[:0], r, s[i:i+size])
		for _, part := range parts {
			if part.order == 0 && (!c.compose || !part.combinesBackward()) {
				dst, marks = c.flush(dst, marks)
			}
			marks = append(marks, part)
		}
		i += size
	}
	return c.flush(dst, marks)
}

// mark is a character with its canonical combining class: 0 for a starter.
type mark struct {
	r     rune
	order uint8
}

// flush orders and composes the characters that can still influence each other, and appends them.
func (c canonical) flush(dst []byte, marks []mark) ([]byte, []mark) {
	for start := 0; start < len(marks); {
		end := start + 1
		if marks[start].order != 0 {
			for end < len(marks) && marks[end].order != 0 {
				end++
			}
			slices.SortStableFunc(marks[start:end], func(a, b mark) int { return int(a.order) - int(b.order) })
		}
		start = end
	}
	if c.compose {
		marks = composeMarks(marks)
	}
	for _, m := range marks {
		dst = utf8.AppendRune(dst, m.r)
	}
	return dst, marks[:0]
}

// composeMarks joins starters with the characters after them, in place.
func composeMarks(marks []mark) []mark {
	starter := -1 // index of the last starter in what is kept
	kept := marks[:0]
	for _, m := range marks {
		if starter >= 0 {
			last := kept[len(kept)-1]
			blocked := len(kept)-1 > starter && (last.order == 0 || last.order >= m.order)
			if !blocked {
				if joined, ok := compose(kept[starter].r, m.r); ok {
					kept[starter].r = joined
					continue
				}
			}
		}
		kept = append(kept, m)
		if m.order == 0 {
			starter = len(kept) - 1
		}
	}
	return kept
}

const (
	hangulFirst, hangulLast = 0xac00, 0xd7a3
	leadFirst               = 0x1100
	vowelFirst, vowelLast   = 0x1161, 0x1175
	trailBefore             = 0x11a7 // one before the first trailing consonant
	leads, vowels, trails   = 19, 21, 28
	syllablesPerLead        = vowels * trails
	trailFirst, trailLast   = trailBefore + 1, trailBefore + trails - 1
)

// appendDecomposed appends the characters that r is canonically made of, itself when it is not made of others. Spelt
// is r in UTF-8.
func appendDecomposed(marks []mark, r rune, spelt string) []mark {
	if r >= hangulFirst && r <= hangulLast {
		i := r - hangulFirst
		marks = append(marks, mark{r: leadFirst + i/syllablesPerLead}, mark{r: vowelFirst + i%syllablesPerLead/trails})
		if trail := i % trails; trail != 0 {
			marks = append(marks, mark{r: trailBefore + trail})
		}
		return marks
	}
	if isInert(r) {
		return append(marks, mark{r: r})
	}
	properties := norm.NFD.PropertiesString(spelt)
	decomposition := properties.Decomposition()
	if decomposition == nil {
		return append(marks, mark{r, properties.CCC()})
	}
	for len(decomposition) > 0 {
		part, size := utf8.DecodeRune(decomposition)
		marks = append(marks, mark{part, norm.NFD.Properties(decomposition).CCC()})
		decomposition = decomposition[size:]
	}
	return marks
}

func isInert(r rune) bool { return r >= firstMark && unicode.Is(inertMarks, r) }

// combinesBackward reports whether a starter can join the one before it.
func (m mark) combinesBackward() bool {
	if m.r >= vowelFirst && m.r <= vowelLast || m.r >= trailFirst && m.r <= trailLast {
		return true
	}
	return m.r >= firstMark && !isInert(m.r) && !norm.NFC.PropertiesString(string(m.r)).BoundaryBefore()
}
