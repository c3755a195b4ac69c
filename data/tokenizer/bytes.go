package tokenizer

// A byte-level vocabulary writes each byte as one printable character: printable Latin-1 bytes stand for themselves,
// the others, in order, for U+0100 and on. So a space is written "Ġ" and a line feed "Ċ".

const alphabetRunes = 256 + 68 // 68 bytes are not printable

// alphabet maps bytes to the characters of a byte-level vocabulary and back.
type alphabet struct {
	runes [256]rune
	bytes [alphabetRunes]int16 // -1 where the character stands for no byte
}

var byteLevel = newAlphabet()

func newAlphabet() *alphabet {
	a := &alphabet{}
	for i := range a.bytes {
		a.bytes[i] = -1
	}
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if printable := b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae; !printable {
			r = next
			next++
		}
		a.runes[b] = r
		a.bytes[r] = int16(b)
	}
	return a
}

// appendRaw appends the bytes that a token stands for. A token with a character outside the alphabet, such as a
// special token with a space in it, stands for itself; ok is then false.
func (a *alphabet) appendRaw(dst []byte, token string) (_ []byte, ok bool) {
	start := len(dst)
	for _, r := range token {
		if r >= alphabetRunes || a.bytes[r] < 0 {
			return append(dst[:start], token...), false
		}
		dst = append(dst, byte(a.bytes[r]))
	}
	return dst, true
}

// ByteAlphabet lists the characters that stand for the bytes 0 to 255 in a byte-level vocabulary.
func ByteAlphabet() [256]rune { return byteLevel.runes }
