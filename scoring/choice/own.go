package choice

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"elara/data/sample"
	"elara/scoring/measure"
	"elara/spec"
)

// places is how many choices an item of the own set has.
const places = 4

// asked is one kind of question about a condition.
type asked struct {
	name   string
	ask    func(sample.Condition) string
	answer func(sample.Condition) string
}

func kinds() []asked {
	return []asked{
		{"name", describe, func(c sample.Condition) string { return c.Name }},
		{"sign", func(c sample.Condition) string { return "Which of these is a typical sign of " + c.Phrase + "?" }, func(c sample.Condition) string { return c.Signs[0] }},
		{"red flag", func(c sample.Condition) string { return "Which of these is a warning sign in " + c.Phrase + "?" }, func(c sample.Condition) string { return c.RedFlags[0] }},
		{"care", func(c sample.Condition) string { return "What is the usual treatment of " + c.Phrase + "?" }, func(c sample.Condition) string { return firstSentence(c.Treatment) }},
		{"self-care", func(c sample.Condition) string { return "Which advice fits " + c.Phrase + "?" }, func(c sample.Condition) string { return c.SelfCare[0] }},
	}
}

// own is the set in a form, as a model sees it.
func own(form spec.ChoiceForm) ([]spec.ChoiceItem, error) {
	set, err := Own()
	if err != nil {
		return nil, err
	}
	put := shown
	if form == spec.ChoiceCloze {
		put = hidden
	}
	rows := make([]row, len(set))
	for i, q := range set {
		if rows[i], err = put(q); err != nil {
			return nil, err
		}
	}
	return items(form, "the own questions", rows)
}

// Own makes the project's own set of the table of facts: for each condition up to five questions, with the answers of
// three others as distractors. A question that gives its answer away is left out.
func Own() ([]Generic, error) {
	conditions, err := sample.Facts()
	if err != nil {
		return nil, err
	}
	var all []Generic
	for _, kind := range kinds() {
		seen := map[string]bool{}
		for i, c := range conditions {
			question, answer := kind.ask(c), kind.answer(c)
			if question == "" || seen[question] || sharesWord(answer, question) || kind.name != "name" && isGeneral(answer) {
				continue
			}
			others := distractors(kind, conditions, i)
			if len(others) < places-1 {
				continue
			}
			seen[question] = true
			gold := len(all) % places
			all = append(all, Generic{
				ID: c.ID + "/" + strings.ReplaceAll(kind.name, " ", "-"), Question: question, Choices: slices.Insert(others, gold, answer), Answer: letter(gold),
			})
		}
	}
	return all, nil
}

// distractors are the answers of three other conditions, of the same body system as far as there are any: those are the
// ones that a reader could confuse. One that has a word in common with anything told about the condition may be true of
// it, and one that is like another makes both easy to rule out.
func distractors(kind asked, conditions []sample.Condition, own int) []string {
	c := conditions[own]
	told := everything(c)
	if kind.name == "name" {
		told = c.Name + " " + c.Phrase + " " + c.Clinical
	}
	var chosen []string
	for _, isSameSystem := range []bool{true, false} {
		for _, n := range measure.Order(seedOf(c.ID+"/"+kind.name), len(conditions)) {
			other := conditions[n]
			candidate := kind.answer(other)
			switch {
			case len(chosen) == places-1 || n == own || (other.System == c.System) != isSameSystem || slices.Contains(chosen, candidate):
			case sharesWord(candidate, told) || sharesWord(candidate, strings.Join(chosen, " ")):
			case kind.name != "name" && (isGeneral(candidate) || sharesWord(other.Name, candidate)):
			default:
				chosen = append(chosen, candidate)
			}
		}
	}
	return chosen
}

// everything is all that the table tells about a condition.
func everything(c sample.Condition) string {
	lists := slices.Concat(c.Signs, c.RedFlags, c.Findings, c.Ambulance, c.SeeDoctor, c.SelfCare, c.FirstAid, c.Patient, c.Caller)
	return strings.Join(append(lists, c.What, c.Cause, c.Treatment, c.Tests, c.Management, c.Note, c.Avoid), " ")
}

func seedOf(name string) uint64 {
	hash := fnv.New64a()
	fmt.Fprint(hash, name)
	return hash.Sum64()
}

// describe asks for the name of a condition by what it is; nothing when its name cannot be taken out of that.
func describe(c sample.Condition) string {
	text := " " + c.What + " "
	for _, name := range []string{c.Phrase, c.Clinical, c.Name} {
		for _, form := range []string{name, strings.ToUpper(name[:1]) + name[1:]} {
			text = strings.ReplaceAll(text, " "+form+" ", " This condition ")
		}
	}
	text = strings.TrimSpace(text)
	if sharesWord(c.Name+" "+c.Clinical, text) || strings.Contains(strings.ToLower(text), strings.ToLower(c.Name)) {
		return ""
	}
	return "Which condition is this? " + text
}

// sharesWord reports whether a word of five letters or more of one text begins like one of the other.
func sharesWord(a, b string) bool {
	known := map[string]bool{}
	for _, w := range longWords(b) {
		known[w[:5]] = true
	}
	return slices.ContainsFunc(longWords(a), func(w string) bool { return known[w[:5]] })
}

func longWords(s string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r < 'a' || r > 'z' }), func(w string) bool {
		return len(w) < 5 || slices.Contains([]string{"which", "these", "typical", "warning", "condition", "usual", "treatment", "advice", "there", "their", "about", "after", "often", "other"}, w)
	})
}

// isGeneral reports whether something fits nearly every illness: an advice for everybody, or a sign in words so short
// that they name no place.
func isGeneral(answer string) bool {
	return len(longWords(answer)) == 0 || slices.ContainsFunc([]string{"rest", "drink", "smok", "medicine", "vaccin", "exercise", "wash"}, func(s string) bool { return strings.Contains(answer, s) })
}

func firstSentence(text string) string {
	sentence, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(sentence, ".")
}
