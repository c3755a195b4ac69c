package tone

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"elara/spec"
	"elara/spec/fault"
)

// point is a row of points.csv: a feature is worth nothing up to from, all points from to on, and in between in proportion.
type point struct {
	audience spec.Audience
	feature  string // empty: the points are always given
	from, to float64
	points   float64
}

// Suit is how well a text suits an audience.
type Suit struct {
	Audience spec.Audience
	Points   float64
}

// Suits gives the audience that the text suits best: the sum of the points of points.csv. A tie goes to the audience that
// the guide names first.
func (s *Speaker) Suits(r Reading) Suit { return s.Ranking(r)[0] }

// Ranking gives all audiences, best first.
func (s *Speaker) Ranking(r Reading) []Suit {
	var all []Suit
	for _, audience := range spec.Audiences() {
		suit := Suit{Audience: audience}
		for _, p := range s.points {
			if p.audience == audience {
				suit.Points += p.worth(r)
			}
		}
		all = append(all, suit)
	}
	slices.SortStableFunc(all, func(a, b Suit) int {
		switch {
		case a.Points > b.Points:
			return -1
		case a.Points < b.Points:
			return 1
		}
		return 0
	})
	return all
}

func (p point) worth(r Reading) float64 {
	if p.feature == "" {
		return p.points
	}
	return p.points * min(1, max(0, (r.Shares[p.feature]-p.from)/(p.to-p.from)))
}

func readPoints(name, content string) ([]point, error) {
	var all []point
	err := readTable(name, content, []string{"audience", "feature", "from", "to", "points", "why"}, func(record []string, number func(int) (float64, error)) error {
		p := point{audience: spec.Audience(record[0]), feature: record[1]}
		if err := p.audience.Check(); err != nil {
			return err
		}
		var err error
		for column, into := range map[int]*float64{2: &p.from, 3: &p.to, 4: &p.points} {
			if *into, err = number(column); err != nil {
				return err
			}
		}
		if p.to <= p.from || p.feature != "" && !slices.Contains(Features(), p.feature) {
			return fault.New(fault.Invalid, "feature %q from %g to %g; expected a known feature and a range", p.feature, p.from, p.to)
		}
		all = append(all, p)
		return nil
	})
	return all, err
}

// readTable reads a CSV file with the given columns; number parses a column of the record at hand.
func readTable(name, content string, columns []string, row func(record []string, number func(int) (float64, error)) error) error {
	in := csv.NewReader(strings.NewReader(content))
	in.FieldsPerRecord = len(columns)
	records, err := in.ReadAll()
	if err != nil {
		return fault.At(name, 0, "%w", err)
	}
	if len(records) < 2 || !slices.Equal(records[0], columns) {
		return fault.At(name, 1, "expected the columns %s and at least one row", strings.Join(columns, ","))
	}
	for i, record := range records[1:] {
		number := func(column int) (float64, error) {
			value, err := strconv.ParseFloat(record[column], 64)
			if err != nil {
				return 0, fault.New(fault.Invalid, "%s %q; expected a number", columns[column], record[column])
			}
			return value, nil
		}
		if err := row(record, number); err != nil {
			return fault.At(name, i+2, "%w", err)
		}
	}
	return nil
}
