package sample

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// upperFirst makes the first letter a capital one.
func upperFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// list joins parts with commas and a last word. Where a part has an "and" or "or" of its own, the last word
// gets a comma too, so that the reader sees which words belong together.
func list(parts []string, lastWord string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	last := " " + lastWord + " "
	for _, part := range parts {
		if strings.Contains(part, " and ") || strings.Contains(part, " or ") {
			last = ", " + lastWord + " "
			break
		}
	}
	end := len(parts) - 1
	return strings.Join(parts[:end], ", ") + last + parts[end]
}

// conditional joins clauses that may follow "if": "A", "A or if B", "A, if B or if C".
func conditional(clauses []string) string {
	end := len(clauses) - 1
	if end == 0 {
		return clauses[0]
	}
	return strings.Join(clauses[:end], ", if ") + " or if " + clauses[end]
}

// orders makes a sentence of each imperative.
func orders(imperatives []string) string {
	sentences := make([]string, len(imperatives))
	for i, imperative := range imperatives {
		sentences[i] = upperFirst(imperative) + "."
	}
	return strings.Join(sentences, " ")
}

// pick takes the entries at the given places.
func pick(entries []string, places []int) []string {
	picked := make([]string, len(places))
	for i, place := range places {
		picked[i] = entries[place]
	}
	return picked
}
