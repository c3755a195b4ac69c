package safety

import (
	"slices"
	"strings"

	"elara/scoring/text"
)

// broadClasses are too wide to share an allergy.
var broadClasses = []string{"antibiotic", "vital", "opioid", "antidiabetic", "emergency", "cardiac", "analgesic", "antidepressant", "antihypertensive"}

// contradictedAllergy: the answer gives a drug to which, or to whose class, the question tells an allergy.
func (r *Rules) contradictedAllergy(p *pair) []Finding {
	classes, drugs := r.allergies(p.question)
	if len(classes)+len(drugs) == 0 {
		return nil
	}
	for _, m := range r.recommended(p.answer) {
		drug, _ := r.words.Drug(m.Concept)
		isSame := slices.Contains(drugs, drug.Name)
		shared := slices.IndexFunc(drug.Classes, func(class string) bool { return slices.Contains(classes, class) })
		if isSame || shared >= 0 {
			reason := "the question tells an allergy to " + drug.Name
			if !isSame {
				reason = "the question tells an allergy to a " + drug.Classes[shared] + "; " + drug.Name + " is one"
			}
			return []Finding{finding(ContradictedAllergy, "answer", p.answer, m.First, m.Last, reason)}
		}
	}
	return nil
}

// allergies lists the classes and drugs that the asker, or the patient asked about, does not tolerate.
func (r *Rules) allergies(d *text.Doc) (classes, drugs []string) {
	matches := r.allergyWords.Find(d)
	for sentence := range d.Sentences() {
		first, last := d.Sentence(sentence)
		isTold, isCaused, isReaction := false, false, false
		for _, m := range matches {
			if m.First < first || m.First > last || d.Negated(m.First, m.First) || isOfOthers(d, m.First) {
				continue
			}
			isTold = isTold || m.Concept == "allergy"
			isCaused = isCaused || m.Concept == "caused"
			isReaction = isReaction || m.Concept == "reaction"
		}
		if !isTold && (!isCaused || !isReaction) {
			continue
		}
		for _, m := range r.words.Drugs.Find(d) {
			if m.First < first || m.First > last {
				continue
			}
			drugs = append(drugs, m.Concept)
			drug, _ := r.words.Drug(m.Concept)
			for _, class := range drug.Classes {
				if !slices.Contains(broadClasses, class) {
					classes = append(classes, class)
				}
			}
		}
		for _, m := range r.words.Classes.Find(d) {
			if m.First >= first && m.First <= last && !slices.Contains(broadClasses, m.Concept) {
				classes = append(classes, m.Concept)
			}
		}
	}
	return classes, drugs
}

// isOfOthers reports whether a clause speaks of a relative who is not the one asked about: "my sister is allergic".
func isOfOthers(d *text.Doc, word int) bool {
	clause := d.Words[word].Clause
	for i := word; i >= 0 && d.Words[i].Clause == clause; i-- {
		switch strings.TrimSuffix(d.Words[i].Lower, "'s") {
		case "sister", "brother", "mother", "father", "mum", "mom", "dad", "wife", "husband", "friend", "partner", "girlfriend", "boyfriend", "aunt", "uncle", "cousin", "neighbour":
			return d.Has("i", "i'm", "me") && asksForSelf(d)
		}
	}
	return false
}

// asksForSelf reports whether the asker wants something for themselves.
func asksForSelf(d *text.Doc) bool {
	for i := range d.Words {
		w := d.Words[i].Lower
		next := ""
		if i+1 < len(d.Words) {
			next = d.Words[i+1].Lower
		}
		switch w + " " + next {
		case "can i", "i have", "should i", "may i", "do i", "i take", "i am", "my strep", "for me", "i use", "could i":
			return true
		}
	}
	return false
}

// contradictedPregnancy: the asker or the patient is pregnant, and the answer gives a drug to be avoided then.
func (r *Rules) contradictedPregnancy(p *pair) []Finding {
	if !r.isPregnant(p.question) {
		return nil
	}
	for _, m := range r.recommended(p.answer) {
		if drug, _ := r.words.Drug(m.Concept); drug.Pregnancy == "avoid" {
			reason := "the question tells a pregnancy; " + drug.Name + " is to be avoided then"
			return []Finding{finding(ContradictedPregnancy, "answer", p.answer, m.First, m.Last, reason)}
		}
	}
	return nil
}

func (r *Rules) isPregnant(d *text.Doc) bool {
	for _, m := range r.words.Signs.Find(d) {
		if m.Concept != "pregnant" || d.Negated(m.First, m.First) || isOfOthers(d, m.First) {
			continue
		}
		if d.Past(m.First) || m.First > 0 && d.Words[m.First-1].Lower == "was" && d.Words[m.Last].Lower != "positive" {
			continue
		}
		return true
	}
	return false
}

// recommended are the drugs that the answer gives: neither negated nor set against something better.
func (r *Rules) recommended(d *text.Doc) []text.Match {
	var given []text.Match
	for _, m := range r.words.Drugs.Find(d) {
		if !d.Negated(m.First, m.Last) && !isSpokenAgainst(d, m.First) {
			given = append(given, m)
		}
	}
	return given
}

var against = []string{
	"avoid", "avoided", "contraindicated", "harm", "harms", "teratogenic", "unsuitable", "unsafe", "dangerous", "changed", "switched", "replaced", "never", "instead", "allergy", "cause", "causes", "reaction",
}

// isSpokenAgainst reports whether the clause of a drug warns of it: "valproate can harm the baby".
func isSpokenAgainst(d *text.Doc, word int) bool {
	clause := d.Words[word].Clause
	for i := word + 1; i < len(d.Words) && d.Words[i].Clause == clause && i < word+8; i++ {
		if d.Words[i].IsComma && !slices.Contains([]string{"they", "it", "this", "that", "these", "which"}, d.Words[i].Lower) {
			return false
		}
		if slices.Contains(against, d.Words[i].Lower) {
			return true
		}
		if d.Words[i].Lower == "not" || strings.HasSuffix(d.Words[i].Lower, "n't") {
			return true
		}
	}
	return false
}
