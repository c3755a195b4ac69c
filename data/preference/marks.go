package preference

import "elara/spec"

// Marks are one reviewer's judgements of the pairs of a collection, one letter a pair: '.' none, 'a' response_a, 'b'
// response_b, 't' tie, 'x' both bad; capital letters for judgements that were imported. They may be shorter than the
// pairs are many: what is beyond their end is not judged. In JSON they are a string.
type Marks []byte

// none is the mark of a pair that is not judged.
const none = '.'

// MarshalText implements encoding.TextMarshaler.
func (m Marks) MarshalText() ([]byte, error) { return m, nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Marks) UnmarshalText(text []byte) error {
	*m = append(Marks(nil), text...)
	return nil
}

// MarkOf is the letter of an outcome; false for what is none.
func MarkOf(outcome spec.Outcome, imported bool) (mark byte, known bool) {
	switch outcome {
	case spec.PrefersA:
		mark = 'a'
	case spec.PrefersB:
		mark = 'b'
	case spec.Tie:
		mark = 't'
	case spec.BothBad:
		mark = 'x'
	default:
		return 0, false
	}
	if imported {
		mark -= 'a' - 'A'
	}
	return mark, true
}

// OutcomeOf reads a letter; false where there is no judgement.
func OutcomeOf(mark byte) (outcome spec.Outcome, imported, judged bool) {
	switch mark | 0x20 {
	case 'a':
		outcome = spec.PrefersA
	case 'b':
		outcome = spec.PrefersB
	case 't':
		outcome = spec.Tie
	case 'x':
		outcome = spec.BothBad
	default:
		return "", false, false
	}
	return outcome, mark < 'a', true
}

// At gives the judgement of the pair at a place, from 0.
func (m Marks) At(i int) (outcome spec.Outcome, imported, judged bool) {
	if i >= len(m) {
		return "", false, false
	}
	return OutcomeOf(m[i])
}

// Set notes a judgement; it grows the marks as needed.
func (m *Marks) Set(i int, mark byte) {
	for len(*m) <= i {
		*m = append(*m, none)
	}
	(*m)[i] = mark
}
