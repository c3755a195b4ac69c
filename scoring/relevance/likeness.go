package relevance

import (
	"math"
	"slices"
	"strings"

	"elara/data/sample"
	"elara/scoring/terms"
	"elara/scoring/text"
)

// background is what the likeness knows of the field: how rare each stem is among the conditions of the table of facts,
// and in which of them it occurs.
type background struct {
	documents int
	in        map[string][]posting // by stem
}

type posting struct {
	document int
	weight   float64 // tf-idf
}

func newBackground() (*background, error) {
	conditions, err := sample.Facts()
	if err != nil {
		return nil, err
	}
	b := &background{documents: len(conditions), in: map[string][]posting{}}
	for number, c := range conditions {
		counts := map[string]int{}
		for _, content := range conditionTexts(c) {
			for _, w := range text.Parse(content).Words {
				if !isStopword(w.Lower) {
					counts[stem(w.Lower)]++
				}
			}
		}
		for s, n := range counts {
			b.in[s] = append(b.in[s], posting{number, 1 + math.Log(float64(n))})
		}
	}
	return b, nil
}

func conditionTexts(c sample.Condition) []string {
	all := []string{c.Name, c.Phrase, c.Clinical, c.System, c.What, c.Cause, c.Treatment, c.Avoid, c.Action, c.Tests, c.Management, c.Note}
	return slices.Concat(all, c.Signs, c.RedFlags, c.SelfCare, c.SeeDoctor, c.Ambulance, c.FirstAid, c.Patient, c.Caller, c.Findings)
}

// rarity is BM25's inverse document frequency, with one document more than there is for stems that occur nowhere.
func (b *background) rarity(s string) float64 {
	n := float64(len(b.in[s]))
	return math.Log(1 + (float64(b.documents)-n+0.5)/(n+0.5))
}

// sketch is a text as the likeness sees it.
type sketch struct {
	stems    []string        // each once, in the order of the text
	has      map[string]bool // stems
	concepts map[string]bool // conditions, drugs and signs of the lexicons
	subjects map[string]int  // of subjects.txt, with how many words tell them
	wants    form            // what the question asks for
	hasTime  bool            // the text names a time or a length of time
	hasCount bool            // the text names a number
	initials string          // first letters of all words, with a blank at each end of a sentence
	profile  map[int]float64 // weight in each condition of the background, of length 1
}

func (b *background) sketch(words *terms.Words, subjects *text.Lexicon, content string) sketch {
	d := text.Parse(content)
	s := sketch{has: map[string]bool{}, concepts: map[string]bool{}, subjects: map[string]int{}, profile: map[int]float64{}}
	for _, w := range d.Words {
		if isStopword(w.Lower) {
			continue
		}
		if st := stem(w.Lower); !s.has[st] {
			s.has[st] = true
			s.stems = append(s.stems, st)
		}
	}
	for _, lexicon := range []*text.Lexicon{words.Conditions, words.Drugs} {
		for _, m := range lexicon.Find(d) {
			s.concepts[m.Concept] = true
		}
	}
	for _, m := range subjects.FindExact(d) {
		s.subjects[m.Concept]++
	}
	s.initials = initials(d)
	s.wants, s.hasTime, s.hasCount = formOf(d), hasTime(d), hasCount(d)
	for _, st := range s.stems {
		rarity := b.rarity(st)
		for _, p := range b.in[st] {
			s.profile[p.document] += p.weight * rarity * rarity
		}
	}
	s.normalise(b.documents)
	return s
}

func (s *sketch) normalise(documents int) {
	squares := 0.0
	for number := range documents { // in order, for the same sum everywhere
		squares += s.profile[number] * s.profile[number]
	}
	if squares == 0 {
		return
	}
	for number := range documents {
		s.profile[number] /= math.Sqrt(squares)
	}
}

// Weights of the parts of the likeness.
const (
	wordShare    = 0.4
	conceptShare = 0.15
	subjectShare = 0.25
	profileShare = 0.15
	formShare    = 0.05
)

// likeness of a question and an answer, 0 to 1: the share of the question's rare words that the answer has, the share of
// its conditions and drugs, the cosine of their subjects, whether an asked time or
// number is there, and the cosine of their profiles over the conditions of the
// table of facts (explicit semantic analysis, Gabrilovich and Markovitch, IJCAI 2007).
func (b *background) likeness(question, answer sketch) float64 {
	value := wordShare*b.sharedWords(question, answer) + subjectShare*cosine(question.subjects, answer.subjects)
	shared := 0
	for concept := range question.concepts {
		if answer.concepts[concept] {
			shared++
		}
	}
	if shared > 0 {
		value += conceptShare * float64(shared) / float64(len(question.concepts))
	}
	profile := 0.0
	for number := range b.documents {
		profile += question.profile[number] * answer.profile[number]
	}
	return value + profileShare*profile + formShare*fits(question.wants, answer)
}

// sharedWords is the share of the question's words that the answer has, weighed by their rarity. A word with a slip
// counts, and so do letters that the answer spells out: TIA for transient ischaemic attack.
func (b *background) sharedWords(question, answer sketch) float64 {
	hit, all := 0.0, 0.0
	for _, st := range question.stems {
		rarity := b.rarity(st)
		all += rarity
		isSpeltOut := len(st) >= 3 && len(st) <= 4 && strings.Contains(answer.initials, st)
		if answer.has[st] || isSpeltOut || slices.ContainsFunc(answer.stems, func(other string) bool { return isSlipOfStem(st, other) }) {
			hit += rarity
		}
	}
	if all == 0 {
		return 0
	}
	return hit / all
}

func cosine(a, b map[string]int) float64 {
	product, left, right := 0, 0, 0 // whole numbers: the order of the map does not matter
	for key, n := range a {
		product += n * b[key]
		left += n * n
	}
	for _, n := range b {
		right += n * n
	}
	if product == 0 {
		return 0
	}
	return float64(product) / math.Sqrt(float64(left)*float64(right))
}

func initials(d *text.Doc) string {
	var letters strings.Builder
	for i, w := range d.Words {
		if i > 0 && w.Sentence != d.Words[i-1].Sentence {
			letters.WriteByte(' ')
		}
		letters.WriteByte(w.Lower[0])
	}
	return letters.String()
}

func isSlipOfStem(asked, told string) bool { return len(told) >= 5 && text.IsSlip(asked, told) }
