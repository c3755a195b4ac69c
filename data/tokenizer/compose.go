package tokenizer

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// compose joins two characters into the one that canonically decomposes into them, if there is one. The first is no
// mark, and normal by itself.
func compose(first, second rune) (rune, bool) {
	lead, vowel := first-leadFirst, second-vowelFirst
	if lead >= 0 && lead < leads && vowel >= 0 && vowel < vowels {
		return hangulFirst + lead*syllablesPerLead + vowel*trails, true
	}
	if isOpen := first >= hangulFirst && first <= hangulLast && (first-hangulFirst)%trails == 0; isOpen && second >= trailFirst && second <= trailLast {
		return first + second - trailBefore, true
	}
	r, found := composites()[[2]rune{first, second}]
	return r, found
}

// composites are the characters that composition makes, by what they are made of. The norm package has the table but
// shows it only through whole strings; the thousand characters are collected when the first text needs one.
var composites = sync.OnceValue(func() map[[2]rune]rune {
	made := make(map[[2]rune]rune)
	for r := rune(0xc0); r < compositesEnd; r++ {
		if r >= hangulFirst && r <= hangulLast || isInert(r) {
			continue
		}
		whole := string(r)
		decomposition := norm.NFD.PropertiesString(whole).Decomposition()
		if decomposition == nil || !norm.NFC.IsNormalString(whole) { // the latter: a character for compatibility only
			continue
		}
		last, size := utf8.DecodeLastRune(decomposition)
		first, _ := utf8.DecodeRune(norm.NFC.Bytes(decomposition[:len(decomposition)-size]))
		if !isInert(last) {
			made[[2]rune{first, last}] = r
		}
	}
	return made
})

const compositesEnd = 0x20000 // planes of letters; beyond are Han characters
