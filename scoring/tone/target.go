package tone

import (
	"fmt"
	"math"
	"slices"

	"elara/spec"
	"elara/spec/fault"
)

// target is a row of targets.csv.
type target struct {
	audience    spec.Audience
	feature     string
	least, most float64 // NaN: no such end
	why         string
}

// Verdict holds a text against the targets of an audience.
type Verdict struct {
	Audience spec.Audience
	Suits    bool    // the audience is the one that the text suits best
	Score    float64 // share of the targets that are met; targets without a score (too short a text) are left out
	Missed   []string
}

// Judge holds a reading against the targets of an audience.
func (s *Speaker) Judge(r Reading, audience spec.Audience) (Verdict, error) {
	if err := audience.Check(); err != nil {
		return Verdict{}, err
	}
	v := Verdict{Audience: audience, Suits: s.Suits(r).Audience == audience}
	met, all := 0, 0
	for _, t := range s.targets {
		if t.audience != audience {
			continue
		}
		value := r.value(t.feature)
		if math.IsNaN(value) {
			continue
		}
		all++
		switch {
		case value < t.least:
			v.Missed = append(v.Missed, fmt.Sprintf("%s %.3g, at least %g: %s", t.feature, value, t.least, t.why))
		case value > t.most:
			v.Missed = append(v.Missed, fmt.Sprintf("%s %.3g, at most %g: %s", t.feature, value, t.most, t.why))
		default:
			met++
		}
	}
	if r.Readability.Words > 0 && all > 0 {
		v.Score = float64(met) / float64(all)
	}
	return v, nil
}

func (r Reading) value(feature string) float64 {
	switch feature {
	case "grade":
		return r.Readability.Grade
	case "smog":
		return r.Readability.Smog
	}
	return r.Shares[feature]
}

func readTargets(name, content string) ([]target, error) {
	var all []target
	err := readTable(name, content, []string{"audience", "feature", "least", "most", "why"}, func(record []string, number func(int) (float64, error)) error {
		t := target{audience: spec.Audience(record[0]), feature: record[1], least: math.Inf(-1), most: math.Inf(1), why: record[4]}
		if err := t.audience.Check(); err != nil {
			return err
		}
		if t.feature != "grade" && t.feature != "smog" && !slices.Contains(Features(), t.feature) {
			return fault.New(fault.Invalid, "feature %q; expected grade, smog or one of %v", t.feature, Features())
		}
		for column, into := range map[int]*float64{2: &t.least, 3: &t.most} {
			if record[column] == "" {
				continue
			}
			var err error
			if *into, err = number(column); err != nil {
				return err
			}
		}
		all = append(all, t)
		return nil
	})
	return all, err
}
