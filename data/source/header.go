package source

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"elara/spec/fault"
)

// Columns names the columns that have a meaning; all others are kept as they are.
type Columns struct {
	Question string // "" means "question"
	Answer   string // "" means "answer"
	Audience string // "" means that rows carry no audience
}

func (c Columns) withDefaults() Columns {
	if c.Question == "" {
		c.Question = "question"
	}
	if c.Answer == "" {
		c.Answer = "answer"
	}
	return c
}

// Header is the first row of a CSV file, checked.
type Header struct {
	// Names of the columns, in the file's order. A nameless column gets read_csv's name for it, "Unnamed: 0" if it
	// is the first.
	Names []string

	question, answer int
	audience         int   // -1: none
	others           []int // neither question nor answer, in the order of their names
}

// Others lists the columns beside question and answer, in the order of their names.
func (h *Header) Others() []int { return h.others }

// newHeader checks the names found on a line of a file against what is wanted.
func newHeader(file string, line int, names []string, want Columns) (*Header, error) {
	want = want.withDefaults()
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if name == "" {
			name = fmt.Sprintf("Unnamed: %d", i)
			names[i] = name
		}
		if first, isDouble := seen[name]; isDouble {
			return nil, fault.At(file, line, "columns %d and %d are both named %s; expected each name once", first+1, i+1, shown(name))
		}
		seen[name] = i
	}
	if want.Question == want.Answer {
		return nil, fault.At(file, line, "column %q is to be both question and answer; expected two columns", want.Question)
	}
	h := &Header{Names: names, audience: -1}
	var err error
	if h.question, err = find(file, line, names, want.Question); err != nil {
		return nil, err
	}
	if h.answer, err = find(file, line, names, want.Answer); err != nil {
		return nil, err
	}
	if want.Audience != "" {
		if h.audience, err = find(file, line, names, want.Audience); err != nil {
			return nil, err
		}
	}
	for i := range names {
		if i != h.question && i != h.answer {
			h.others = append(h.others, i)
		}
	}
	slices.SortFunc(h.others, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return h, nil
}

func find(file string, line int, names []string, want string) (int, error) {
	if i := slices.Index(names, want); i >= 0 {
		return i, nil
	}
	err := fault.At(file, line, "no column %q; found %s", want, list(names))
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t|") {
		return 0, fault.WithHint(err, "the header holds no comma; expected commas between the columns")
	}
	if near := nearest(want, names); near != "" {
		return 0, fault.WithHint(err, "did you mean %q?", near)
	}
	return 0, err
}

// A file without a header has its first row in the header's place, and that may be a patient's words: names
// longer than column names are, are not repeated in errors.
const longestNameShown = 40

func shown(name string) string {
	if n := utf8.RuneCountInString(name); n > longestNameShown {
		return fmt.Sprintf("(a name of %d characters)", n)
	}
	return fmt.Sprintf("%q", name)
}

func list(names []string) string {
	const most = 20
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, shown(name))
	}
	if len(names) > most {
		parts = append(parts, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(parts, ", ")
}

// nearest finds the name that was probably meant: equal but for case and blanks, or within two slips.
func nearest(want string, names []string) string {
	best, fewest := "", 3
	for _, name := range names {
		if utf8.RuneCountInString(name) > longestNameShown {
			continue
		}
		slips := slipsBetween(plain(want), plain(name))
		if slips < fewest && slips < utf8.RuneCountInString(want)/2 {
			best, fewest = name, slips
		}
	}
	return best
}

func plain(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// slipsBetween is the Levenshtein distance in characters.
func slipsBetween(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			replace := diagonal
			if r != s {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
