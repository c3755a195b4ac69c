package refusal

import (
	_ "embed"
	"sync"

	"elara/scoring/text"
)

//go:embed refusal.txt
var refusalFile string

// Reader finds refusals.
type Reader struct{ lexicon *text.Lexicon }

// Load reads the table that is part of the program, once.
func Load() (*Reader, error) { return load() }

var load = sync.OnceValues(func() (*Reader, error) {
	lexicon, err := text.ParseLexicon("refusal.txt", refusalFile)
	if err != nil {
		return nil, err
	}
	return &Reader{lexicon}, nil
})

// Reading is what was found in an answer.
type Reading struct {
	IsRefusal    bool // a sentence declines, or all there is points to somebody else
	IsWarning    bool // a sentence warns of what was asked for
	ContentWords int  // words of the sentences that neither decline nor point elsewhere
	First, Last  int  // words of the sentence that declines or points
}

// longestPointer is how many words a sentence may have that does nothing but point to somebody: a longer one says why
// or when, which is content.
const longestPointer = 12

// Read looks at an answer.
func (r *Reader) Read(d *text.Doc) Reading {
	kinds, declined := map[int]map[string]bool{}, map[int]int{}
	for _, m := range r.lexicon.FindExact(d) {
		sentence := d.Words[m.First].Sentence
		if kinds[sentence] == nil {
			kinds[sentence] = map[string]bool{}
		}
		kinds[sentence][m.Concept] = true
		if m.Concept == "decline" {
			declined[sentence] = m.Last
		}
	}
	var reading Reading
	isPointer := false
	for sentence := range d.Sentences() {
		first, last := d.Sentence(sentence)
		has := kinds[sentence]
		reading.IsWarning = reading.IsWarning || has["warning"]
		switch {
		case has["decline"]:
			if !reading.IsRefusal {
				reading.First, reading.Last = first, last
			}
			reading.IsRefusal = true
			reading.ContentWords += wordsAfterBut(d, declined[sentence], last)
		case has["pointer"] && last-first < longestPointer:
			if !reading.IsRefusal && !isPointer {
				reading.First, reading.Last = first, last
			}
			isPointer = true
		case isCourtesy(d, first, last):
		default:
			reading.ContentWords += last - first + 1
		}
	}
	if isPointer && reading.ContentWords == 0 {
		reading.IsRefusal = true
	}
	return reading
}

// wordsAfterBut counts what a declining sentence goes on to say: "I can't diagnose you, but ferritin is the test".
func wordsAfterBut(d *text.Doc, declined, last int) int {
	for i := declined; i <= last; i++ {
		switch d.Words[i].Lower {
		case "but", "however", "so":
			return last - i
		}
	}
	return 0
}

// isCourtesy reports whether a sentence is a bare "sorry" or "unfortunately".
func isCourtesy(d *text.Doc, first, last int) bool {
	return last-first < 5 && (d.Words[first].Lower == "sorry" || d.Words[first].Lower == "unfortunately" || d.Words[last].Lower == "sorry")
}
