package sample

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"elara/spec/fault"
)

// slots are the pieces of one condition that a frame may ask for, by name.
type slots map[string]string

// slots chooses the pieces for the nth row of a type: which signs are named, in which order advice is given.
func (c *Condition) slots(draw stream, n int) slots {
	others := draw.order(len(c.Signs) - 2) // the first two signs tell most and are always named
	for i := range others {
		others[i] += 2
	}
	others = others[:2]
	slices.Sort(others)
	advice := draw.order(len(c.SelfCare))
	some := advice[:min(len(advice), 3)]

	s := slots{
		"name":         c.Name,
		"phrase":       c.Phrase,
		"person":       c.Person,
		"clinical":     c.Clinical,
		"what":         c.What,
		"what_in_full": c.whatInFull(),
		"cause":        c.Cause,
		"treatment":    c.Treatment,
		"action":       c.Action,
		"tests":        c.Tests,
		"management":   c.Management,
		"note":         c.Note,

		"signs":      list(pick(c.Signs, append([]int{0, 1}, others...)), "and"),
		"signs_two":  list(c.Signs[:2], "and"),
		"signs_more": list(pick(c.Signs, others), "or"),
		"sign_first": c.Signs[0],
		"sign_other": c.Signs[1],
		"sign_third": c.Signs[others[0]],
		"all_signs":  list(c.Signs, "and"),
		"red_flags":  list(c.RedFlags, "or"),
		"red_flag":   c.RedFlags[draw.below(0, len(c.RedFlags))],
		"findings":   list(c.Findings, "and"),

		"self_care":     orders(pick(c.SelfCare, some)),
		"self_care_two": orders(pick(c.SelfCare, advice[:2])),
		"first_aid":     orders(c.FirstAid),
		"avoid":         orders([]string{c.Avoid}),
		"avoid_clause":  c.Avoid,

		"see_doctor":    conditional(c.SeeDoctor),
		"get_help":      c.getHelp(),
		"doctor_first":  c.SeeDoctor[0],
		"doctor_one":    c.SeeDoctor[draw.below(1, len(c.SeeDoctor))],
		"ambulance":     conditional(c.Ambulance),
		"ambulance_one": c.Ambulance[0],

		"patient_says": c.Patient[n%len(c.Patient)],
		"caller_says":  c.Caller[n%len(c.Caller)],
		"sources":      c.sourceNames(),

		"my": "my", "speaker": "patient",
	}
	if c.Subject == Child {
		s["my"], s["speaker"] = "my child's", "parent"
	}
	return s
}

// whatInFull adds the medical term where it is another one.
func (c *Condition) whatInFull() string {
	if strings.Contains(strings.ToLower(c.Name+" "+c.Phrase), strings.ToLower(c.Clinical)) {
		return c.What
	}
	return c.What + " In medical terms it is called " + c.Clinical + "."
}

// getHelp is the sentence that says where to turn to with the first signs.
func (c *Condition) getHelp() string {
	if c.Urgency == Emergency {
		return "Call the local emergency number if " + c.Ambulance[0] + "."
	}
	return "See a doctor if " + c.SeeDoctor[0] + "."
}

func (c *Condition) sourceNames() string {
	names := make([]string, len(c.Sources))
	for i, source := range c.Sources {
		names[i] = source.String()
	}
	return strings.Join(names, "; ")
}

// fill puts the pieces into a frame: {name} as it is, {Name} with a capital letter first.
func (s slots) fill(frame string) (string, error) {
	var filled strings.Builder
	for rest := frame; rest != ""; {
		text, after, isSlot := strings.Cut(rest, "{")
		filled.WriteString(text)
		if !isSlot {
			break
		}
		name, after, isClosed := strings.Cut(after, "}")
		if !isClosed {
			return "", fault.New(fault.Invalid, "frame %q: brace is not closed", frame)
		}
		first, size := utf8.DecodeRuneInString(name)
		piece, isKnown := s[string(unicode.ToLower(first))+name[size:]]
		if !isKnown {
			return "", fault.New(fault.Invalid, "frame %q: no slot named %q", frame, name)
		}
		if unicode.IsUpper(first) {
			piece = upperFirst(piece)
		}
		filled.WriteString(piece)
		rest = after
	}
	return filled.String(), nil
}
