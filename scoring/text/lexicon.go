package text

import (
	"bufio"
	"cmp"
	"slices"
	"strings"

	"elara/spec/fault"
)

// Lexicon finds concepts by their patterns.
type Lexicon struct {
	entries []entry
}

type entry struct {
	concept string
	pattern pattern
}

// Match is a concept found in a text.
type Match struct {
	Concept     string
	First, Last int // words, inclusive
}

// ParseLexicon reads lines of "concept: pattern; pattern". # begins a comment; a line that begins with a blank goes on
// with the patterns of the concept above it; "@name: one|two" names alternatives that later patterns take in by @name.
// name is what errors call the file.
func ParseLexicon(name, content string) (*Lexicon, error) {
	l := &Lexicon{}
	concept, line := "", 0
	seen, named := map[string]int{}, map[string]string{}
	for scan := bufio.NewScanner(strings.NewReader(content)); scan.Scan(); {
		line++
		written, _, _ := strings.Cut(scan.Text(), "#")
		if strings.TrimSpace(written) == "" {
			continue
		}
		patterns := written
		if written[0] != ' ' {
			head, rest, isHead := strings.Cut(written, ":")
			if !isHead {
				return nil, fault.At(name, line, `no colon; expected "concept: pattern; pattern"`)
			}
			if group, isGroup := strings.CutPrefix(head, "@"); isGroup {
				named[group] = strings.TrimSpace(rest)
				continue
			}
			concept, patterns = strings.TrimSpace(head), rest
			if earlier, isKnown := seen[concept]; isKnown {
				return nil, fault.At(name, line, "concept %q stands on line %d too; expected each once", concept, earlier)
			}
			seen[concept] = line
		}
		if concept == "" {
			return nil, fault.At(name, line, "patterns without a concept; expected a line \"concept: pattern\" first")
		}
		for _, p := range strings.Split(patterns, ";") {
			if strings.TrimSpace(p) == "" {
				continue
			}
			parsed, err := parsePattern(strings.TrimSpace(p), named)
			if err != nil {
				return nil, fault.At(name, line, "%w", err)
			}
			l.entries = append(l.entries, entry{concept, parsed})
		}
	}
	if len(l.entries) == 0 {
		return nil, fault.At(name, 0, "no entries; expected at least one")
	}
	return l, nil
}

// Concepts lists all concepts in the order of the file.
func (l *Lexicon) Concepts() []string {
	var all []string
	for _, e := range l.entries {
		if len(all) == 0 || all[len(all)-1] != e.concept {
			all = append(all, e.concept)
		}
	}
	return all
}

// Find gives all matches, with slips of the pen, by place; of one concept none inside another.
func (l *Lexicon) Find(d *Doc) []Match { return l.find(d, true) }

// FindExact is Find without slips of the pen.
func (l *Lexicon) FindExact(d *Doc) []Match { return l.find(d, false) }

func (l *Lexicon) find(d *Doc, slips bool) []Match {
	var found []Match
	for _, e := range l.entries {
		for i := range d.Words {
			last, isFound := e.pattern.matchAt(d, i, slips)
			if !isFound {
				continue
			}
			found = append(found, Match{e.concept, i, last})
		}
	}
	slices.SortStableFunc(found, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last), cmp.Compare(a.Concept, b.Concept))
	})
	return outermost(found)
}

// outermost drops what lies inside or overlaps an earlier match of the same concept; found is sorted by place.
func outermost(found []Match) []Match {
	ends := map[string]int{} // last word of each concept's latest match, plus one
	var kept []Match
	for _, m := range found {
		if m.First < ends[m.Concept] {
			continue
		}
		ends[m.Concept] = m.Last + 1
		kept = append(kept, m)
	}
	return kept
}
