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
	form := norm.NFD
	if c.compose {
		form = norm.NFC
	}
	if form.IsNormalString(s) { // then it is so by the older tables too
		return s
	}
	dst := make([]byte, 0, len(s)+len(s)/8)
	var marks []mark
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 { // not UTF-8: kept as it is
			dst, marks = c.flush(dst, marks)
			dst = append(dst, s[i])
			i++
			continue
		}
		for _, part := range decompose(r, s[i:i+size]) {
			if part.order == 0 && (!c.compose || !combinesBackward(part.r)) {
				dst, marks = c.flush(dst, marks)
			}
			marks = append(marks, part)
		}
		i += size
	}
	dst, _ = c.flush(dst, marks)
	return string(dst)
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
	vowels, trails          = 21, 28
	syllablesPerLead        = vowels * trails
	trailFirst, trailLast   = trailBefore + 1, trailBefore + trails - 1
)

// decompose gives the characters that r is canonically made of, itself when it is not made of others. Spelt is r in
// UTF-8.
func decompose(r rune, spelt string) []mark {
	if r >= hangulFirst && r <= hangulLast {
		i := r - hangulFirst
		parts := []mark{{r: leadFirst + i/syllablesPerLead}, {r: vowelFirst + i%syllablesPerLead/trails}}
		if trail := i % trails; trail != 0 {
			parts = append(parts, mark{r: trailBefore + trail})
		}
		return parts
	}
	if unicode.Is(inertMarks, r) {
		return []mark{{r: r}}
	}
	properties := norm.NFD.PropertiesString(spelt)
	decomposition := properties.Decomposition()
	if decomposition == nil {
		return []mark{{r, properties.CCC()}}
	}
	var parts []mark
	for _, part := range string(decomposition) {
		parts = append(parts, mark{part, norm.NFD.PropertiesString(string(part)).CCC()})
	}
	return parts
}

// combinesBackward reports whether a starter can join the one before it.
func combinesBackward(r rune) bool {
	if r >= vowelFirst && r <= vowelLast || r >= trailFirst && r <= trailLast {
		return true
	}
	return r >= firstMark && !unicode.Is(inertMarks, r) && !norm.NFC.PropertiesString(string(r)).BoundaryBefore()
}

// compose joins two characters into the one that canonically decomposes into them, if there is one.
func compose(first, second rune) (rune, bool) {
	if unicode.Is(inertMarks, second) {
		return 0, false
	}
	joined := norm.NFC.String(string([]rune{first, second}))
	r, size := utf8.DecodeRuneInString(joined)
	if size != len(joined) || unicode.Is(inertMarks, r) {
		return 0, false
	}
	return r, true
}
