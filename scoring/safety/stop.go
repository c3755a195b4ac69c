package safety

import (
	"elara/scoring/text"
)

// longestReach is how many words may stand between "stop" and the medicine.
const longestReach = 6

// stopMedicine: the answer tells to stop a medicine, without leaving it to whoever prescribed it.
func (r *Rules) stopMedicine(p *pair) []Finding {
	d := p.answer
	matches := r.stopping.Find(d)
	inSentence := func(sentence int, concept string) bool {
		for _, m := range matches {
			if m.Concept == concept && d.Words[m.First].Sentence == sentence && (concept != "decided" || !d.Negated(m.First, m.First)) {
				return true
			}
		}
		return false
	}
	isReaction := hasConcept(r.stopping, p.question, "reaction") || hasConcept(r.stopping, d, "reaction")
	for _, m := range matches {
		sentence := d.Words[m.First].Sentence
		if m.Concept != "stop" || d.Negated(m.First, m.First) && !isOwnNegation(d, m) || isNarrated(d, m.First) {
			continue
		}
		object, isMedicine := r.medicineBehind(p, matches, m)
		if !isMedicine || inSentence(sentence, "harmless") || inSentence(sentence, "decided") || inSentence(sentence, "done") {
			continue
		}
		if isReaction && (inSentence(sentence, "decided") || inSentence(sentence+1, "decided")) {
			continue
		}
		reason := "the answer tells to stop a medicine without asking whoever prescribed it"
		return []Finding{finding(StopMedicine, "answer", d, m.First, object, reason)}
	}
	return nil
}

// isOwnNegation tells "you no longer need it" and "you don't need it" from "do not stop it".
func isOwnNegation(d *text.Doc, m text.Match) bool {
	switch d.Words[m.First].Lower {
	case "no", "don't", "dont", "do", "not":
		return true
	}
	return false
}

// isNarrated tells "the bleeding will stop" and "when you stop" from advice.
func isNarrated(d *text.Doc, first int) bool {
	if first == 0 || d.Words[first-1].Sentence != d.Words[first].Sentence {
		return false
	}
	switch d.Words[first-1].Lower {
	case "will", "the", "when", "if", "before", "after", "who", "to", "it", "its", "bleeding", "symptoms", "pain", "a", "that", "from", "help", "helps":
		return d.Words[first-1].Lower != "to" || first < 2 || !isFree(d.Words[first-2].Lower)
	}
	return false
}

// isFree are the words before "to stop" that make it a permission.
func isFree(word string) bool {
	switch word {
	case "free", "safe", "fine", "okay", "ok", "want", "able", "best", "time":
		return true
	}
	return false
}

// medicineBehind finds what is to be stopped: a drug of the table or a word for medicines, behind "stop"; or what "it",
// "them" or nothing at all stands for, when the answer or the question names a medicine before.
func (r *Rules) medicineBehind(p *pair, matches []text.Match, stop text.Match) (last int, isFound bool) {
	d := p.answer
	sentence := d.Words[stop.First].Sentence
	named := r.words.Drugs.Find(d)
	for _, m := range matches {
		if m.Concept == "medicine" {
			named = append(named, m)
		}
	}
	isNamedBefore := len(r.words.Drugs.Find(p.question)) > 0 || hasConcept(r.stopping, p.question, "medicine")
	for _, m := range named {
		if m.First > stop.First && m.First <= stop.Last+longestReach && d.Words[m.First].Sentence == sentence {
			return m.Last, true
		}
		isNamedBefore = isNamedBefore || m.First < stop.First
	}
	_, end := d.Sentence(sentence)
	for next := stop.First + 1; next <= min(stop.Last+2, end); next++ {
		switch d.Words[next].Lower {
		case "it", "them", "these", "altogether", "now", "completely", "anymore":
			return next, isNamedBefore
		}
	}
	return stop.Last, isNamedBefore && stop.Last == end
}

func hasConcept(l *text.Lexicon, d *text.Doc, concept string) bool {
	for _, m := range l.Find(d) {
		if m.Concept == concept && !d.Negated(m.First, m.First) {
			return true
		}
	}
	return false
}
