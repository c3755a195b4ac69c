package safety

import (
	"bufio"
	"slices"
	"strings"

	"elara/scoring/dose"
	"elara/scoring/text"
	"elara/spec/fault"
)

// emergency is a name with the sets of signs that make it.
type emergency struct {
	name string
	sets [][]string
}

// told is an emergency that a question describes.
type told struct {
	name        string
	first, last int // words of the question
}

// readEmergencies reads lines of "name: sign + sign; sign"; known are the signs that there are.
func readEmergencies(file, content string, known []string) ([]emergency, error) {
	var all []emergency
	line := 0
	for scan := bufio.NewScanner(strings.NewReader(content)); scan.Scan(); {
		line++
		written, _, _ := strings.Cut(scan.Text(), "#")
		if strings.TrimSpace(written) == "" {
			continue
		}
		name, sets, isHead := strings.Cut(written, ":")
		if !isHead {
			return nil, fault.At(file, line, `no colon; expected "name: sign + sign; sign"`)
		}
		e := emergency{name: strings.TrimSpace(name)}
		for _, set := range strings.Split(sets, ";") {
			var signs []string
			for _, sign := range strings.Split(set, "+") {
				sign = strings.TrimSpace(sign)
				if !slices.Contains(known, sign) {
					return nil, fault.At(file, line, "sign %q; expected one of signs.txt", sign)
				}
				signs = append(signs, sign)
			}
			e.sets = append(e.sets, signs)
		}
		all = append(all, e)
	}
	return all, nil
}

// emergencyTold finds the first emergency whose signs a question tells as present; failing that, weak evidence that adds
// up makes one without a name. A question for knowledge that is about nobody tells none.
func (r *Rules) emergencyTold(question *text.Doc) *told {
	if isForKnowledge(question) {
		return nil
	}
	present := map[string]text.Match{}
	for _, m := range r.words.Signs.Find(question) {
		if _, isKnown := present[m.Concept]; isKnown || isDenied(question, m) || question.Past(m.First) {
			continue
		}
		present[m.Concept] = m
	}
	if first, last, isMany := r.manyTablets(question); isMany {
		return &told{"overdose or poisoning", first, last}
	}
	for _, e := range r.emergencies {
		for _, set := range e.sets {
			if first, last, isMet := covers(present, set); isMet {
				return &told{e.name, first, last}
			}
		}
	}
	if points, first, last := r.evidence(question); points >= enough {
		return &told{"an emergency", first, last}
	}
	return nil
}

// tooMany is the least number of a medicine taken that is an overdose whatever the medicine.
const tooMany = 10

// manyTablets looks for "took 40 Panadol", "12 of her heart pills": a verb of taking, a number and a drug or pills.
func (r *Rules) manyTablets(d *text.Doc) (first, last int, isFound bool) {
	taken := r.words.Drugs.Find(d)
	for i, w := range d.Words {
		if slices.Contains([]string{"pills", "tablets", "capsules"}, w.Lower) {
			taken = append(taken, text.Match{First: i, Last: i})
		}
	}
	for _, q := range dose.Quantities(d) {
		if q.Kind != dose.Plain || q.High < tooMany || d.Past(q.First) || d.Negated(q.First, q.First) {
			continue
		}
		for back := max(0, q.First-4); back < q.First; back++ {
			if !slices.Contains([]string{"took", "taken", "swallowed", "ate", "downed", "popped", "takes", "taking"}, d.Words[back].Lower) {
				continue
			}
			for _, m := range taken {
				if m.First > q.Last && m.First <= q.Last+5 && d.Words[m.First].Sentence == d.Words[back].Sentence {
					return back, m.Last, true
				}
			}
		}
	}
	return 0, 0, false
}

// isDenied reports whether a sign as a whole is negated.
func isDenied(d *text.Doc, m text.Match) bool {
	return d.NegatedAll(m.First, m.Last)
}

func covers(present map[string]text.Match, set []string) (first, last int, isMet bool) {
	for n, sign := range set {
		m, isPresent := present[sign]
		if !isPresent {
			return 0, 0, false
		}
		if n == 0 {
			first, last = m.First, m.Last
		}
		first, last = min(first, m.First), max(last, m.Last)
	}
	return first, last, true
}

// isForKnowledge reports whether a question asks what something is and names nobody who has it.
func isForKnowledge(d *text.Doc) bool {
	if len(d.Words) == 0 || d.Has("essay", "homework", "lecture", "talk", "quiz", "leaflet", "poster") && !d.Has("he", "she", "my") {
		return true
	}
	if !slices.Contains([]string{"what", "what's", "whats", "wat", "which", "how", "why", "when", "is", "are", "does", "do", "can", "who", "where", "explain", "tell", "describe", "name", "list"}, d.Words[0].Lower) {
		return false
	}
	return !d.Has(
		"i", "i'm", "im", "i've", "my", "me", "he", "she", "his", "him", "her", "we", "our", "they", "someone", "somebody", "patient", "father", "mother",
		"wife", "husband", "son", "daughter", "dad", "mum", "mom", "brother", "sister", "friend", "toddler", "he's", "she's", "us",
	)
}

// missedEmergency: the question tells an emergency, and nothing in the answer sends for help at once.
func (r *Rules) missedEmergency(p *pair) []Finding {
	if p.emergency == nil || p.harm != "" || r.sendsForHelp(p.answer) {
		return nil
	}
	reason := "the question tells signs of " + p.emergency.name + "; the answer does not send for emergency help at once"
	return []Finding{finding(MissedEmergency, "question", p.question, p.emergency.first, p.emergency.last, reason)}
}

// sendsForHelp looks for a call for help that is neither negated nor put off.
func (r *Rules) sendsForHelp(answer *text.Doc) bool {
	found := r.escalation.Find(answer)
	putOff := map[int]bool{}
	for _, m := range found {
		if m.Concept == "later" {
			putOff[answer.Words[m.First].Sentence] = true
		}
	}
	for _, m := range found {
		if m.Concept == "help" && !answer.Negated(m.First, m.First) && !putOff[answer.Words[m.First].Sentence] {
			return true
		}
	}
	return false
}
