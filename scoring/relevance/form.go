package relevance

import (
	"slices"

	"elara/scoring/dose"
	"elara/scoring/text"
)

// form is what kind of answer a question asks for.
type form int

const (
	anything form = iota
	aTime
	aNumber
)

// formOf reads the first words of a question.
func formOf(d *text.Doc) form {
	for i := range d.Words {
		next := ""
		if i+1 < len(d.Words) {
			next = d.Words[i+1].Lower
		}
		switch w := d.Words[i].Lower; {
		case w == "when", w == "how" && slices.Contains([]string{"long", "often", "soon", "old", "offen"}, next), w == "incubation":
			return aTime
		case w == "how" && slices.Contains([]string{"much", "many", "high", "fast"}, next), w == "normal" && i < 4:
			return aNumber
		}
	}
	return anything
}

// fits is 1 when an answer has what is asked for; a question that asks for anything fits none better.
func fits(wants form, answer sketch) float64 {
	if wants == aTime && answer.hasTime || wants == aNumber && answer.hasCount {
		return 1
	}
	return 0
}

func hasTime(d *text.Doc) bool {
	isDuration := func(q dose.Quantity) bool { return q.Kind == dose.Hour }
	return slices.ContainsFunc(dose.Quantities(d), isDuration) || len(dose.Frequencies(d)) > 0 || d.Has("weeks", "days", "months", "years", "hours", "minutes", "age", "night", "morning")
}

func hasCount(d *text.Doc) bool { return len(dose.Quantities(d)) > 0 }
