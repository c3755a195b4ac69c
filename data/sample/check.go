package sample

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	identifier  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	punctuation = regexp.MustCompile(`[,;!?]|[.:](\s|$)`) // a point or colon between figures is none
)

// bounds are inclusive limits, in characters or in entries.
type bounds struct{ min, max int }

func (b bounds) check(what, unit string, n int) error {
	if n < b.min || n > b.max {
		return fmt.Errorf("%s has %d %s, expected %d to %d", what, n, unit, b.min, b.max)
	}
	return nil
}

// check holds every field of an entry to its form and length, so that the sentences made of it come out whole.
func (c *Condition) check() error {
	if !identifier.MatchString(c.ID) {
		return fmt.Errorf("id %q, expected lower-case words joined by hyphens", c.ID)
	}
	switch c.Urgency {
	case Emergency, Urgent, Routine:
	default:
		return fmt.Errorf("urgency %q, expected emergency, urgent or routine", c.Urgency)
	}
	switch c.Subject {
	case Self, Child:
	default:
		return fmt.Errorf("subject %q, expected self or child", c.Subject)
	}
	for _, part := range []struct {
		name string
		text string
	}{{"name", c.Name}, {"phrase", c.Phrase}, {"person", c.Person}, {"clinical", c.Clinical}} {
		if err := checkFragment(part.name, part.text, bounds{3, 60}); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		name   string
		text   string
		length bounds
	}{
		{"what", c.What, bounds{50, 260}},
		{"cause", c.Cause, bounds{40, 260}},
		{"treatment", c.Treatment, bounds{60, 300}},
		{"action", c.Action, bounds{40, 260}},
		{"tests", c.Tests, bounds{80, 420}},
		{"management", c.Management, bounds{100, 480}},
		{"note", c.Note, bounds{80, 400}},
	} {
		if err := checkSentences(part.name, part.text, part.length); err != nil {
			return err
		}
	}
	if !strings.Contains(c.Action, "local emergency number") {
		return fmt.Errorf("action does not name the local emergency number")
	}
	for _, part := range []struct {
		name    string
		entries []string
		count   bounds
		length  bounds
	}{
		{"signs", c.Signs, bounds{4, 6}, bounds{4, 80}},
		{"red_flags", c.RedFlags, bounds{2, 4}, bounds{4, 90}},
		{"self_care", c.SelfCare, bounds{2, 4}, bounds{10, 110}},
		{"avoid", []string{c.Avoid}, bounds{1, 1}, bounds{10, 130}},
		{"see_doctor", c.SeeDoctor, bounds{2, 3}, bounds{8, 110}},
		{"ambulance", c.Ambulance, bounds{2, 3}, bounds{8, 110}},
		{"first_aid", c.FirstAid, bounds{2, 4}, bounds{10, 120}},
		{"findings", c.Findings, bounds{3, 5}, bounds{4, 90}},
	} {
		if err := part.count.check(part.name, "entries", len(part.entries)); err != nil {
			return err
		}
		for _, entry := range part.entries {
			if err := checkFragment(part.name, entry, part.length); err != nil {
				return err
			}
		}
	}
	return c.checkVoices()
}

// checkVoices looks at what people say and at the sources.
func (c *Condition) checkVoices() error {
	for _, part := range []struct {
		name  string
		lines []string
	}{{"patient", c.Patient}, {"caller", c.Caller}} {
		if err := (bounds{2, 2}).check(part.name, "entries", len(part.lines)); err != nil {
			return err
		}
		for _, line := range part.lines {
			if err := checkSentences(part.name, line, bounds{25, 160}); err != nil {
				return err
			}
		}
	}
	if err := (bounds{1, 3}).check("sources", "entries", len(c.Sources)); err != nil {
		return err
	}
	for _, source := range c.Sources {
		if err := checkFragment("sources", source.Organisation, bounds{2, 80}); err != nil {
			return err
		}
		if err := checkFragment("sources", source.Topic, bounds{4, 60}); err != nil {
			return err
		}
	}
	return nil
}

// checkSentences wants whole sentences on one line.
func checkSentences(what, text string, length bounds) error {
	if err := length.check(what, "characters", utf8.RuneCountInString(text)); err != nil {
		return err
	}
	if !strings.HasSuffix(text, ".") || upperFirst(text) != text {
		return fmt.Errorf("%s %q, expected a capital letter first and a full stop last", what, text)
	}
	return checkPlain(what, text)
}

// checkFragment wants a piece that fits into a sentence and into a list of others with commas between.
func checkFragment(what, text string, length bounds) error {
	if err := length.check(what, "characters", utf8.RuneCountInString(text)); err != nil {
		return err
	}
	if punctuation.MatchString(text) {
		return fmt.Errorf("%s %q, expected no punctuation", what, text)
	}
	return checkPlain(what, text)
}

// checkPlain keeps out what would end in the data as a defect that nobody planted.
func checkPlain(what, text string) error {
	if strings.Join(strings.Fields(text), " ") != text {
		return fmt.Errorf("%s %q, expected single blanks only", what, text)
	}
	if strings.ContainsAny(text, "\"{}<>|") {
		return fmt.Errorf("%s %q, expected no double quotes, brackets or bars", what, text)
	}
	return nil
}
