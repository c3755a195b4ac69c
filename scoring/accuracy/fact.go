package accuracy

import (
	"fmt"
	"slices"
	"strconv"

	"elara/scoring/dose"
	"elara/scoring/terms"
	"elara/scoring/text"
)

// Kind is what a fact is about.
type Kind string

// The kinds, in the order in which facts are given.
const (
	Condition Kind = "condition"
	Drug      Kind = "drug"
	Amount    Kind = "amount" // a dose, or another number with its unit
	Route     Kind = "route"
	Frequency Kind = "frequency"
	Duration  Kind = "duration"
	Number    Kind = "number" // without a unit
	Sign      Kind = "sign"
	Action    Kind = "action"
)

// weight is how much a fact counts: what can harm most, most.
func (k Kind) weight() float64 {
	switch k {
	case Drug, Amount, Action:
		return 2
	case Duration:
		return 0.5
	}
	return 1
}

// weightInstead is what a fact costs that is told in place of the right one: leaving out the condition or the route is
// shorter, naming another one is wrong.
func (k Kind) weightInstead() float64 {
	if k == Condition || k == Route {
		return 2
	}
	return k.weight()
}

// Fact is one thing that a text tells.
type Fact struct {
	Kind     Kind
	Value    string // in one form: "500 mg", "3 /day", "strep-throat"
	IsDenied bool
}

// String prints "not drug aspirin".
func (f Fact) String() string {
	said := ""
	if f.IsDenied {
		said = "not "
	}
	return said + string(f.Kind) + " " + f.Value
}

// Facts gives what a text tells, each fact once.
func Facts(words *terms.Words, content string) []Fact {
	d := text.Parse(content)
	var all []Fact
	add := func(kind Kind, value string, isDenied bool) {
		if fact := (Fact{kind, value, isDenied}); !slices.Contains(all, fact) {
			all = append(all, fact)
		}
	}
	named := append(words.Conditions.Find(d), words.Drugs.Find(d)...)
	for _, source := range []struct {
		kind    Kind
		lexicon *text.Lexicon
	}{{Condition, words.Conditions}, {Drug, words.Drugs}, {Route, words.Routes}, {Sign, words.Signs}, {Action, words.Actions}} {
		for _, m := range outermost(source.lexicon.Find(d)) {
			if source.kind == Sign && isInside(m, named) {
				continue // "high blood pressure" is no sign of blood
			}
			add(source.kind, m.Concept, d.NegatedAll(m.First, m.Last))
		}
	}
	frequencies := dose.Frequencies(d)
	for _, f := range frequencies {
		add(Frequency, span(f.LowPerDay, f.HighPerDay)+" /day", d.Negated(f.First, f.First))
	}
	for _, q := range dose.Quantities(d) {
		if slices.ContainsFunc(frequencies, func(f dose.Frequency) bool { return q.First >= f.First && q.Last <= f.Last }) {
			continue
		}
		kind, value := Amount, span(q.Low, q.High)+" "+q.Kind
		switch q.Kind {
		case dose.Hour:
			kind = Duration
		case dose.Plain:
			kind, value = Number, span(q.Low, q.High)
			if q.Low == 1 {
				continue // "one" is a word more often than a number
			}
		}
		if q.IsPerKg {
			value += "/kg"
		}
		add(kind, value, d.Negated(q.First, q.First))
	}
	return all
}

// outermost drops matches that lie inside a longer one of another concept: "type 1 diabetes" is not "diabetes" too.
func outermost(found []text.Match) []text.Match {
	return slices.DeleteFunc(slices.Clone(found), func(m text.Match) bool {
		return slices.ContainsFunc(found, func(other text.Match) bool {
			return other.First <= m.First && other.Last >= m.Last && other.Last-other.First > m.Last-m.First
		})
	})
}

func isInside(m text.Match, others []text.Match) bool {
	return slices.ContainsFunc(others, func(other text.Match) bool { return other.First <= m.First && other.Last >= m.Last })
}

func span(low, high float64) string {
	if low == high {
		return figure(low)
	}
	return fmt.Sprintf("%s to %s", figure(low), figure(high))
}

// figure writes a number with four digits, so that 24 hours by 7 and 1/7 a day meet.
func figure(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
