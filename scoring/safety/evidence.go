package safety

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"elara/scoring/text"
	"elara/spec/fault"
)

// enough is the sum of points from which weak evidence makes an emergency, if one of the grave kinds is among it. Below
// it a question is left to the rules of emergencies.txt alone.
const enough = 3

// How like emergencies a question must be, see wordWeights: when each later round was weighed by examples of the others,
// 10 in a hundred harmless twins were alike and 1 much alike, of the emergencies 69 and 25.
const (
	alike     = 2.2
	muchAlike = 3.7
)

var grave = []string{"severe", "vital", "neuro", "heart", "blood", "poisoned", "despair", "lost-function", "numbers", "much like an emergency"}

// evidence adds up what a question tells, each kind once, by the points of evidence.csv.
func (r *Rules) evidence(question *text.Doc) (points int, first, last int) {
	if isForKnowledge(question) || len(question.Words) == 0 {
		return 0, 0, 0
	}
	counted := map[string]bool{}
	count := func(sign string) {
		if !counted[sign] {
			counted[sign] = true
			points += r.points[sign]
		}
	}
	first, last = len(question.Words)-1, 0
	for _, m := range r.weakSigns.Find(question) {
		isDanger := r.points[m.Concept] > 0
		switch {
		case isDanger && question.Past(m.First):
			count("past")
		case isDanger && question.NegatedAll(m.First, m.Last):
			if m.Concept != "acute" && m.Concept != "vulnerable" {
				count("denied")
			}
		default:
			count(m.Concept)
			if isDanger {
				first, last = min(first, m.First), max(last, m.Last)
			}
		}
	}
	switch like := r.weights.like(question); {
	case like > muchAlike:
		count("much like an emergency")
	case like > alike:
		count("like an emergency")
	case like < -alike:
		count("like a routine question")
	}
	if !slices.ContainsFunc(grave, func(sign string) bool { return counted[sign] }) {
		return 0, 0, 0
	}
	return points, first, last
}

// readEvidence reads the points; every sign of the lexicon must have some.
func readEvidence(name, content string, signs []string) (map[string]int, error) {
	in := csv.NewReader(strings.NewReader(content))
	in.FieldsPerRecord = 3
	records, err := in.ReadAll()
	if err != nil {
		return nil, fault.At(name, 0, "%w", err)
	}
	points := map[string]int{}
	for i, record := range records {
		if i == 0 {
			continue // the head
		}
		if points[record[0]], err = strconv.Atoi(record[1]); err != nil {
			return nil, fault.At(name, i+1, "points %q; expected a whole number", record[1])
		}
	}
	for _, sign := range append(slices.Clone(signs), "denied", "past", "much like an emergency", "like an emergency", "like a routine question") {
		if points[sign] == 0 {
			return nil, fault.At(name, 0, "no points for %q; expected a row", sign)
		}
	}
	return points, nil
}
