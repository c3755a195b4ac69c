package tone

import (
	"strings"

	"elara/scoring/text"
)

// jargonEndings mark words that come from Greek and Latin.
var jargonEndings = []string{
	"itis", "aemia", "emia", "uria", "ectomy", "otomy", "ostomy", "oscopy", "plasty", "pathy", "osis", "iasis", "algia", "ography", "ometry", "megaly", "penia",
	"plegia", "paresis", "aemic", "emic", "otic", "pathic", "genic", "lysis", "philia", "cytosis", "stenosis", "trophy", "mab", "nib", "sartan", "gliptin",
}

// plainWords end alike and are known to everybody.
var plainWords = map[string]bool{
	"diagnosis": true, "arthritis": true, "allergic": true, "hypnosis": true, "academic": true, "antibiotic": true, "narcotic": true, "robotic": true,
	"erotic": true, "chaotic": true, "catastrophe": true, "trophy": true, "nib": true, "apathy": true, "sympathy": true, "empathy": true, "hepatitis": true,
	"meningitis": true, "appendicitis": true, "sepsis": true,
}

// jargonShare is the share of words that are a professional's: of the lexicon, by their ending, abbreviations in
// capitals, and drugs.
func (s *Speaker) jargonWords(d *text.Doc) int {
	isJargon := make([]bool, len(d.Words))
	for _, lexicon := range []*text.Lexicon{s.jargon, s.words.Drugs} {
		for _, m := range lexicon.FindExact(d) {
			for i := m.First; i <= m.Last; i++ {
				isJargon[i] = true
			}
		}
	}
	count := 0
	for i, w := range d.Words {
		if isJargon[i] || isAbbreviation(d.Quote(i, i)) || hasJargonEnding(w.Lower) {
			count++
		}
	}
	return count
}

func hasJargonEnding(word string) bool {
	if len(word) < 7 || plainWords[word] {
		return false
	}
	for _, ending := range jargonEndings {
		if strings.HasSuffix(word, ending) {
			return true
		}
	}
	return false
}

// isAbbreviation tells ECG, eGFR and HbA1c from words; CPR, DNA and the like of everyday speech are left out.
func isAbbreviation(word string) bool {
	switch word {
	case "I", "A", "CPR", "DNA", "US", "UK", "OK", "TV", "LDL", "HDL", "AED":
		return false
	}
	capitals, others := 0, 0
	for i, r := range word {
		switch {
		case r >= 'A' && r <= 'Z':
			capitals++
			if i == 0 && len(word) > 1 && word[1] >= 'a' && word[1] <= 'z' {
				capitals-- // a word with a capital first
			}
		case r >= '0' && r <= '9':
		default:
			others++
		}
	}
	return capitals >= 1 && len(word) >= 2 && (capitals >= 2 || others <= 2) && len(word) <= 12
}
