package clean

import (
	"strings"
	"unicode/utf8"
)

// Text is the guide's clean_text: every run of white space becomes one blank, and none is left at the ends.
// White space is what Python's \s matches in a str, which is also what str.strip() strips: more than
// unicode.IsSpace knows, by the four separators 0x1c to 0x1f.
func Text(text string) string {
	dirty := firstDirty(text)
	if dirty < 0 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	out.WriteString(text[:dirty])
	isAfterSpace := dirty == 0 || text[dirty-1] == ' '
	for at := dirty; at < len(text); {
		size := spaceAt(text, at)
		if size > 0 {
			if !isAfterSpace {
				out.WriteByte(' ')
			}
			isAfterSpace = true
			at += size
			continue
		}
		isAfterSpace = false
		end := at + 1
		for end < len(text) && (text[end] > ' ' && text[end] < utf8.RuneSelf || text[end] >= utf8.RuneSelf && spaceAt(text, end) == 0) {
			end++
		}
		out.WriteString(text[at:end])
		at = end
	}
	return strings.TrimSuffix(out.String(), " ")
}

// firstDirty finds where text first differs from its cleaned form, -1 if nowhere.
func firstDirty(text string) int {
	isAfterSpace := true // a blank at the start has to go
	for at := 0; at < len(text); at++ {
		b := text[at]
		if b > ' ' && b < utf8.RuneSelf {
			isAfterSpace = false
			continue
		}
		switch size := spaceAt(text, at); {
		case size == 0:
			isAfterSpace = false
		case b != ' ' || isAfterSpace:
			return at
		default:
			isAfterSpace = true
		}
	}
	if isAfterSpace && text != "" {
		return len(text) - 1 // a blank at the end
	}
	return -1
}

// spaceAt gives the length in bytes of the white space character that starts at text[at], 0 if there is none.
func spaceAt(text string, at int) int {
	switch b := text[at]; {
	case b == ' ' || b >= 0x09 && b <= 0x0d || b >= 0x1c && b <= 0x1f:
		return 1
	case b < utf8.RuneSelf:
		return 0
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	switch {
	case r == 0x85 || r == 0xa0 || r == 0x1680 || r >= 0x2000 && r <= 0x200a ||
		r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000:
		return size
	}
	return 0
}
