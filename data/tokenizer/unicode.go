package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class is what the pre-tokenizers' patterns tell characters apart by.
type class uint8

const (
	other class = iota
	letter
	number
	space   // but not a line break
	newline // carriage return or line feed
	beyond  // not ASCII: runeClass knows; only in asciiClasses
)

// asciiClasses classifies the bytes that are characters of their own.
var asciiClasses = newASCIIClasses()

func newASCIIClasses() *[256]class {
	var classes [256]class
	for c := range classes {
		switch {
		case c >= utf8.RuneSelf:
			classes[c] = beyond
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			classes[c] = letter
		case c >= '0' && c <= '9':
			classes[c] = number
		case c == '\r', c == '\n':
			classes[c] = newline
		case c >= '\t' && c <= '\r', c == ' ':
			classes[c] = space
		}
	}
	return &classes
}

// classAt classifies the character at s[i] and gives its length. A byte that is not UTF-8 is a character of class
// other.
func classAt(s string, i int) (class, int) {
	if c := asciiClasses[s[i]]; c != beyond {
		return c, 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return runeClass(r), size
}

// runeClass classifies any character.
func runeClass(r rune) class {
	if int(r) < len(planeClasses) {
		return planeClasses[r]
	}
	switch {
	case unicode.IsLetter(r) || unicode.Is(lettersSince15, r):
		return letter
	case unicode.IsNumber(r) || unicode.Is(numbersSince15, r):
		return number
	}
	return other // white space is all in the first plane
}

// planeClasses classifies the characters of the first plane, in which nearly all text is written. A look at it takes
// a tenth of a search in unicode's tables.
var planeClasses = newPlaneClasses()

func newPlaneClasses() *[1 << 16]class {
	var classes [1 << 16]class
	enter := func(c class, tables ...*unicode.RangeTable) {
		for _, t := range tables {
			for _, part := range t.R16 {
				for r := int(part.Lo); r <= int(part.Hi); r += int(part.Stride) {
					classes[r] = c
				}
			}
		}
	}
	enter(space, unicode.White_Space)
	enter(number, unicode.N, numbersSince15)
	enter(letter, unicode.L, lettersSince15)
	classes['\r'], classes['\n'] = newline, newline
	return &classes
}

// isNumeric is the Digits pre-tokenizer's test.
func isNumeric(r rune) bool {
	if int(r) < len(planeClasses) {
		return planeClasses[r] == number // numbersOf17 are all beyond
	}
	return unicode.IsNumber(r) || unicode.Is(numbersSince15, r) || unicode.Is(numbersOf17, r)
}

// isWord is the test for the neighbours of an added token that must stand alone: \w as Unicode defines it.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic,
		unicode.Join_Control, lettersSince15, numbersSince15, wordsSince15)
}

// The tables below are the characters that the Python library's parts know and this Go release, with Unicode 15, does
// not: its regular expressions follow Unicode 16, its Digits Unicode 17, its normaliser Unicode 9. Testdata's
// unicode.json holds digests of the whole sets, so a Go release with another Unicode version fails the tests.

var lettersSince15 = table(
	0x1c89, 0x1c8a, 0xa7cb, 0xa7cd, 0xa7da, 0xa7dc, 0x105c0, 0x105f3, 0x10d4a, 0x10d65, 0x10d6f, 0x10d85,
	0x10ec2, 0x10ec4, 0x11380, 0x11389, 0x1138b, 0x1138b, 0x1138e, 0x1138e, 0x11390, 0x113b5, 0x113b7, 0x113b7,
	0x113d1, 0x113d1, 0x113d3, 0x113d3, 0x11bc0, 0x11be0, 0x13460, 0x143fa, 0x16100, 0x1611d, 0x16d40, 0x16d6c,
	0x18cff, 0x18cff, 0x1e5d0, 0x1e5ed, 0x1e5f0, 0x1e5f0, 0x2ebf0, 0x2ee5d)

var numbersSince15 = table(
	0x10d40, 0x10d49, 0x116d0, 0x116e3, 0x11bf0, 0x11bf9, 0x16130, 0x16139, 0x16d70, 0x16d79, 0x1ccf0, 0x1ccf9,
	0x1e5f1, 0x1e5fa)

var numbersOf17 = table(0x11de0, 0x11de9, 0x16ff4, 0x16ff6)

var wordsSince15 = table(
	0x897, 0x897, 0x10d69, 0x10d6d, 0x10efc, 0x10efc, 0x113b8, 0x113c0, 0x113c2, 0x113c2, 0x113c5, 0x113c5,
	0x113c7, 0x113ca, 0x113cc, 0x113d0, 0x113d2, 0x113d2, 0x113e1, 0x113e2, 0x11f5a, 0x11f5a, 0x1611e, 0x1612f,
	0x1e5ee, 0x1e5ef)

// inertMarks are combining marks and compositions younger than the normaliser's Unicode 9: it neither reorders nor
// composes them.
var inertMarks = table(
	0x7fd, 0x7fd, 0x898, 0x89f, 0x8ca, 0x8d3, 0x9fe, 0x9fe, 0xc3c, 0xc3c, 0xd3b, 0xd3c, 0xeba, 0xeba,
	0x1715, 0x1715, 0x1abf, 0x1ace, 0x1df6, 0x1dfa, 0xa82c, 0xa82c, 0x10d24, 0x10d27, 0x10eab, 0x10eac,
	0x10efd, 0x10eff, 0x10f46, 0x10f50, 0x10f82, 0x10f85, 0x11070, 0x11070, 0x1133b, 0x1133b, 0x1145e, 0x1145e,
	0x11839, 0x1183a, 0x11930, 0x11930, 0x11938, 0x11938, 0x1193d, 0x1193e, 0x11943, 0x11943, 0x119e0, 0x119e0,
	0x11a34, 0x11a34, 0x11a47, 0x11a47, 0x11a99, 0x11a99, 0x11d42, 0x11d42, 0x11d44, 0x11d45, 0x11d97, 0x11d97,
	0x11f41, 0x11f42, 0x16ff0, 0x16ff1, 0x1e08f, 0x1e08f, 0x1e130, 0x1e136, 0x1e2ae, 0x1e2ae, 0x1e2ec, 0x1e2ef,
	0x1e4ec, 0x1e4ef)

// table builds a range table from pairs of first and last character, in order.
func table(bounds ...rune) *unicode.RangeTable {
	t := &unicode.RangeTable{}
	for i := 0; i < len(bounds); i += 2 {
		low, high := bounds[i], bounds[i+1]
		if high <= 0xffff {
			t.R16 = append(t.R16, unicode.Range16{Lo: uint16(low), Hi: uint16(high), Stride: 1})
			continue
		}
		t.R32 = append(t.R32, unicode.Range32{Lo: uint32(low), Hi: uint32(high), Stride: 1})
	}
	return t
}
