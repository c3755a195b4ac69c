package tokenizer

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// scanner gives the length of the first piece that a pre-tokenizer cuts from text that is not empty. It looks at
// nothing before the text, so pieces are found one after the other.
type scanner func(text string) int

// The patterns below are the whole of what published byte-level tokenizers split by. Each scanner stands for one,
// alternative by alternative; an unknown pattern is refused instead of approximated.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scanGPT2 follows patternGPT2.
func scanGPT2(s string) int {
	if s[0] == '\'' {
		if n := contraction(s); n > 0 {
			return n
		}
	}
	start := 0
	if s[0] == ' ' && len(s) > 1 {
		start = 1
	}
	first, size := classAt(s, start)
	if first == letter || first == number || first == other {
		return run(s, start+size, first)
	}
	return spaces(s)
}

// scanLlama3 follows patternLlama3.
func scanLlama3(s string) int { return scanGPT4(s, 3) }

// scanQwen2 follows patternQwen2.
func scanQwen2(s string) int { return scanGPT4(s, 1) }

// scanGPT4 follows the form that patternLlama3 and patternQwen2 share; they differ in how many digits stay together.
func scanGPT4(s string, maxDigits int) int {
	if s[0] == '\'' {
		if n := contractionAnyCase(s); n > 0 {
			return n
		}
	}
	first, size := classAt(s, 0)
	second, secondSize := newline, 0 // stands for the end: neither letter nor other
	if size < len(s) {
		second, secondSize = classAt(s, size)
	}
	switch {
	case first == letter:
		return run(s, size, letter)
	case (first == other || first == space) && second == letter:
		return run(s, size+secondSize, letter)
	case first == number:
		end := size
		for range maxDigits - 1 {
			if end == len(s) {
				break
			}
			next, n := classAt(s, end)
			if next != number {
				break
			}
			end += n
		}
		return end
	case first == other:
		return lineBreaks(s, run(s, size, other))
	case s[0] == ' ' && second == other:
		return lineBreaks(s, run(s, size+secondSize, other))
	}
	// White space: up to its last line break if it has one, `\s*[\r\n]+`.
	end := spaceRun(s)
	if last := strings.LastIndexAny(s[:end], "\r\n"); last >= 0 {
		return last + 1
	}
	return spaces(s)
}

// scanDigit cuts each number character off on its own.
func scanDigit(s string) int {
	if r, size := utf8.DecodeRuneInString(s); isNumeric(r) {
		return size
	}
	return untilNumeric(s, false)
}

// scanDigits cuts at the borders of runs of number characters.
func scanDigits(s string) int {
	r, _ := utf8.DecodeRuneInString(s)
	return untilNumeric(s, isNumeric(r))
}

// untilNumeric is the length of the run of characters that are numeric, or that are not.
func untilNumeric(s string, numeric bool) int {
	for i := 0; i < len(s); {
		if c := asciiClasses[s[i]]; c != beyond {
			if (c == number) != numeric {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if isNumeric(r) != numeric {
			return i
		}
		i += size
	}
	return len(s)
}

// run goes on from end while characters are of the class, and gives where they stop.
func run(s string, end int, want class) int {
	for {
		if want == letter {
			end = asciiLetters(s, end)
		} else {
			for end < len(s) && asciiClasses[s[end]] == want {
				end++
			}
		}
		if end == len(s) || s[end] < utf8.RuneSelf {
			return end
		}
		r, size := utf8.DecodeRuneInString(s[end:])
		if runeClass(r) != want {
			return end
		}
		end += size
	}
}

// asciiLetters goes on from end over the letters of ASCII, eight at a time: most words then take one step, and the
// processor need not guess their length.
func asciiLetters(s string, end int) int {
	const (
		each = 0x0101010101010101
		high = 0x80 * each // the bit that no ASCII character has
	)
	for end+8 <= len(s) {
		x := eight(s[end : end+8])
		lower := (x | 0x20*each) &^ high
		fromA, pastZ := lower+(0x80-'a')*each, lower+(0x80-'z'-1)*each // carry into the high bit
		if letters := fromA &^ pastZ &^ x & high; letters != high {
			return end + bits.TrailingZeros64(^letters&high)/8
		}
		end += 8
	}
	for end < len(s) && asciiClasses[s[end]] == letter {
		end++
	}
	return end
}

// lineBreaks goes on over carriage returns and line feeds.
func lineBreaks(s string, end int) int { return run(s, end, newline) }

// spaceRun is the length of the white space at the start.
func spaceRun(s string) int {
	end := 0
	for end < len(s) {
		next, size := classAt(s, end)
		if next != space && next != newline {
			break
		}
		end += size
	}
	return end
}

// spaces follows `\s+(?!\S)|\s+`: white space before a word leaves its last character to the word.
func spaces(s string) int {
	end := spaceRun(s)
	if end == len(s) {
		return end
	}
	_, last := utf8.DecodeLastRuneInString(s[:end])
	if end == last {
		return end
	}
	return end - last
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start, or 0.
func contraction(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) > 2 && (s[1:3] == "re" || s[1:3] == "ve" || s[1:3] == "ll") {
		return 3
	}
	return 0
}

// contractionAnyCase ignores case as Unicode does: the long s, U+017F, is an s.
func contractionAnyCase(s string) int {
	if strings.HasPrefix(s[1:], "ſ") {
		return 1 + len("ſ")
	}
	var lower [3]byte
	n := copy(lower[:], s)
	for i := range n {
		if c := lower[i]; c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return contraction(string(lower[:n]))
}
