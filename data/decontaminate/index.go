package decontaminate

import (
	"fmt"
	"hash/maphash"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	gram      = 13 // words in a row
	mostRows  = 10 // training rows that may share a gram before it counts as a turn of phrase
	separator = " "
)

// Index is the words of training rows.
type Index struct {
	seed  maphash.Seed // differs from run to run; nothing that is told depends on it
	exact map[string]place
	grams map[uint64]*rows
}

type place struct {
	file string
	line int
}

// rows is how many training rows share a gram, and the first of them.
type rows struct {
	first place
	last  place
	count int
}

// Match says where a row of the evaluation stands in the training rows.
type Match struct {
	File    string
	Line    int // from 1
	IsExact bool
}

// String prints no word of a row.
func (m Match) String() string {
	if m.IsExact {
		return fmt.Sprintf("the same words as %s:%d", m.File, m.Line)
	}
	return fmt.Sprintf("%d words in a row of %s:%d", gram, m.File, m.Line)
}

// NewIndex is empty.
func NewIndex() *Index {
	return &Index{seed: maphash.MakeSeed(), exact: map[string]place{}, grams: map[uint64]*rows{}}
}

// Add takes in a training row. Parts that must not be joined, such as question and answer, are given apart.
func (x *Index) Add(file string, line int, parts ...string) {
	at := place{file, line}
	all := words(strings.Join(parts, separator))
	if len(all) == 0 {
		return
	}
	if key := strings.Join(all, separator); x.exact[key] == (place{}) {
		x.exact[key] = at
	}
	for _, part := range parts {
		x.each(words(part), func(hash uint64) bool {
			known := x.grams[hash]
			if known == nil {
				x.grams[hash] = &rows{at, at, 1}
			} else if known.last != at {
				known.last, known.count = at, known.count+1
			}
			return true
		})
	}
}

// Find looks for a row of the evaluation, given in the same parts.
func (x *Index) Find(parts ...string) (found Match, isFound bool) {
	all := words(strings.Join(parts, separator))
	if at := x.exact[strings.Join(all, separator)]; at != (place{}) && len(all) > 0 {
		return Match{at.file, at.line, true}, true
	}
	for _, part := range parts {
		x.each(words(part), func(hash uint64) bool {
			if known := x.grams[hash]; known != nil && known.count <= mostRows {
				found, isFound = Match{known.first.file, known.first.line, false}, true
			}
			return !isFound
		})
		if isFound {
			break
		}
	}
	return found, isFound
}

// each gives the hashes of all grams until it is told to stop.
func (x *Index) each(all []string, take func(hash uint64) bool) {
	for i := 0; i+gram <= len(all); i++ {
		if !take(maphash.String(x.seed, strings.Join(all[i:i+gram], separator))) {
			return
		}
	}
}

// words are what is left when case, punctuation and spacing do not count, in Unicode's compatibility form.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(norm.NFKC.String(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}
