package tone

import (
	"math"
	"slices"

	"elara/scoring/terms"
	"elara/scoring/text"
)

// fewestWords is the least text that has a readability: the formulas were fitted to passages of 100 words and more.
const fewestWords = 100

// Readability of a text by two formulas, in years of US schooling. Names of drugs count as words of two syllables: a
// reader knows their own medicine, and no plainer word can replace it.
type Readability struct {
	Words, Sentences, Syllables int
	Polysyllables               int     // words of three syllables and more
	Grade                       float64 // Flesch-Kincaid, NaN below 100 words
	Smog                        float64 // SMOG, NaN below 100 words
}

// drugSyllables stands for any drug's name.
const drugSyllables = 2

// Grade is the Flesch-Kincaid grade level (Kincaid et al., Research Branch Report 8-75, 1975).
func Grade(words, sentences, syllables int) float64 {
	return 0.39*float64(words)/float64(sentences) + 11.8*float64(syllables)/float64(words) - 15.59
}

// Smog is McLaughlin's grade (J Reading 12, 1969), for any number of sentences.
func Smog(polysyllables, sentences int) float64 {
	return 1.0430*math.Sqrt(float64(polysyllables)*30/float64(sentences)) + 3.1291
}

func readability(words *terms.Words, d *text.Doc) Readability {
	r := Readability{Words: len(d.Words), Sentences: d.Sentences(), Grade: math.NaN(), Smog: math.NaN()}
	drugs := words.Drugs.FindExact(d)
	for i, w := range d.Words {
		n := Syllables(w.Lower)
		if slices.ContainsFunc(drugs, func(m text.Match) bool { return m.First <= i && i <= m.Last }) {
			n = min(n, drugSyllables)
		}
		r.Syllables += n
		if n >= 3 {
			r.Polysyllables++
		}
	}
	if r.Words >= fewestWords {
		r.Grade, r.Smog = Grade(r.Words, r.Sentences, r.Syllables), Smog(r.Polysyllables, r.Sentences)
	}
	return r
}
