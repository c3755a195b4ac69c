package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Word is one word or number of a text.
type Word struct {
	Start, End int    // bytes in the text
	Lower      string // in lower case, with plain apostrophes
	Sentence   int    // number of its sentence, from 0
	Clause     int    // number of its clause, over the whole text
	IsComma    bool   // a comma stands before it
}

// Doc is a text that has been read.
type Doc struct {
	Text  string
	Words []Word

	sentences []span  // words of each sentence
	scope     [][]int // for each word the negations in whose scope it lies, by their place
}

type span struct{ first, last int } // inclusive; last < first when empty

// Parse reads a text. Hyphens part words, apostrophes, points between digits and an ampersand between letters do not.
func Parse(content string) *Doc {
	d := &Doc{Text: content}
	sentence, clause, isComma := 0, 0, false
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRuneInString(content[at:])
		switch {
		case isWordRune(r):
			end := wordEnd(content, at)
			d.Words = append(d.Words, Word{Start: at, End: end, Lower: plain(content[at:end]), Sentence: sentence, Clause: clause, IsComma: isComma})
			isComma = false
			at = end
			continue
		case isStop(content, at, r, d.Words):
			sentence++
			clause++
		case strings.ContainsRune(";:()–—", r):
			clause++
		case r == ',':
			isComma = true
		}
		at += size
	}
	d.closeSentences()
	d.scope = negationScope(d)
	return d
}

// closeSentences numbers the sentences without gaps and notes their words.
func (d *Doc) closeSentences() {
	last := -1
	for i := range d.Words {
		if number := d.Words[i].Sentence; number != last {
			d.sentences = append(d.sentences, span{i, i})
			last = number
		}
		n := len(d.sentences) - 1
		d.Words[i].Sentence = n
		d.sentences[n].last = i
	}
}

// Sentences is how many sentences have words.
func (d *Doc) Sentences() int { return len(d.sentences) }

// Sentence gives the first and the last word of a sentence.
func (d *Doc) Sentence(number int) (first, last int) {
	s := d.sentences[number]
	return s.first, s.last
}

// Quote is the text from one word to another.
func (d *Doc) Quote(first, last int) string { return d.Text[d.Words[first].Start:d.Words[last].End] }

// Has reports whether one of the words stands in the text, in lower case.
func (d *Doc) Has(words ...string) bool {
	for _, w := range d.Words {
		for _, want := range words {
			if w.Lower == want {
				return true
			}
		}
	}
	return false
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == 'µ' || r == '%'
}

// wordEnd finds where the word that begins at start ends. A percent sign is a word of its own.
func wordEnd(content string, start int) int {
	if content[start] == '%' {
		return start + 1
	}
	at := start
	for at < len(content) {
		r, size := utf8.DecodeRuneInString(content[at:])
		before, _ := utf8.DecodeLastRuneInString(content[:at])
		after, _ := utf8.DecodeRuneInString(content[at+size:])
		switch {
		case r == '%':
			return at
		case isWordRune(r):
			if at > start && unicode.IsDigit(before) && unicode.IsLetter(r) && isFigures(content[start:at]) && isUnitStart(content[at:]) {
				return at // 500mg is two words
			}
		case (r == '\'' || r == '’') && unicode.IsLetter(before) && unicode.IsLetter(after):
		case (r == '.' || r == ',') && unicode.IsDigit(before) && unicode.IsDigit(after):
		case r == '&' && unicode.IsLetter(before) && unicode.IsLetter(after):
		default:
			return at
		}
		at += size
	}
	return at
}

func isFigures(word string) bool { return strings.Trim(word, "0123456789.,") == "" }

// isUnitStart tells units written without a blank from names such as 3TC.
func isUnitStart(rest string) bool {
	lower := strings.ToLower(rest)
	for _, unit := range []string{"mg", "mcg", "µg", "μg", "ug", "g", "kg", "ml", "l", "mmol", "units", "iu", "cm", "mm", "h", "f", "c"} {
		if after, is := strings.CutPrefix(lower, unit); is {
			r, _ := utf8.DecodeRuneInString(after)
			if after == "" || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return true
			}
		}
	}
	return false
}

func plain(word string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(word), "’", "'"), "μ", "µ")
}

// isStop reports whether a mark ends a sentence: not after an abbreviation, not inside a number, a line end always.
func isStop(content string, at int, r rune, before []Word) bool {
	switch r {
	case '\n', '!', '?':
		return true
	case '.':
	default:
		return false
	}
	next, _ := utf8.DecodeRuneInString(content[at+1:])
	if unicode.IsLetter(next) || unicode.IsDigit(next) {
		return false
	}
	if len(before) == 0 || before[len(before)-1].End != at {
		return true
	}
	word := before[len(before)-1].Lower
	if isAbbreviation(word) {
		return false
	}
	return len(word) != 1 || !unicode.IsLetter(rune(word[0])) || word == "i" // not after initials
}

func isAbbreviation(word string) bool {
	switch word {
	case "dr", "mr", "mrs", "ms", "prof", "st", "vs", "approx", "e.g", "i.e", "no", "fig", "vol":
		return word != "no" // "No." is an answer more often than a number
	}
	return false
}
