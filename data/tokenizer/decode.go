package tokenizer

import "unicode/utf8"

// Decode gives the text of ids, without special tokens if skipSpecial is set. Ids that no token has are passed over;
// bytes that are not UTF-8, as when ids end in the middle of a character, become U+FFFD; an added token that is looked for after
// normalisation is spelt as it is looked for. All as in Python.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	raw := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		token, found := t.Token(id)
		if !found || skipSpecial && t.specials[id] {
			continue
		}
		if spelt, changed := t.spelt[id]; changed {
			token = spelt
		}
		raw, _ = byteLevel.appendRaw(raw, token)
	}
	return replaceInvalid(raw)
}

// replaceInvalid puts one U+FFFD for each longest part that could have begun a character, as Unicode recommends
// (section 3.9, "substitution of maximal subparts"). The standard library would put one for each byte.
func replaceInvalid(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	text := make([]byte, 0, len(raw)+8)
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		if r == utf8.RuneError && size == 1 {
			size = beginning(raw)
		}
		text = utf8.AppendRune(text, r)
		raw = raw[size:]
	}
	return string(text)
}

// beginning is how many bytes at the start of raw, which is no character, are the beginning of one; at least 1.
func beginning(raw []byte) int {
	low, high := byte(0x80), byte(0xbf) // bounds of the second byte
	var length int
	switch c := raw[0]; {
	case c >= 0xc2 && c <= 0xdf:
		length = 2
	case c >= 0xe0 && c <= 0xef:
		length = 3
		if c == 0xe0 { // shorter spellings of the same character are not allowed
			low = 0xa0
		}
		if c == 0xed { // surrogates are no characters
			high = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		length = 4
		if c == 0xf0 {
			low = 0x90
		}
		if c == 0xf4 { // nothing lies beyond U+10FFFF
			high = 0x8f
		}
	}
	n := 1
	for n < length && n < len(raw) && raw[n] >= low && raw[n] <= high {
		low, high = 0x80, 0xbf
		n++
	}
	return n
}
