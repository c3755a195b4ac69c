package safety

import (
	"fmt"
	"slices"

	"elara/scoring/dose"
	"elara/scoring/terms"
	"elara/scoring/text"
)

// tolerance lets rounding pass: 2.5 mg written as 3 is not what the rule looks for.
const tolerance = 1.05

// doseOverMaximum: the answer gives more of a drug than the table's maximum, at once or in a day.
func (r *Rules) doseOverMaximum(p *pair) []Finding {
	d := p.answer
	mentions := r.words.Drugs.Find(d)
	asked := r.words.Drugs.Find(p.question)
	caps := r.dailyCaps(d, mentions)
	var found []Finding
	for _, regimen := range dose.Regimens(d) {
		name, isKnown := drugOf(d, mentions, asked, regimen)
		isLimit := regimen.IsCap && regimen.DailyMg == 0 // of a course or a tablet
		if !isKnown || isLimit || d.Negated(regimen.First, regimen.First) && !regimen.IsCap || isWarning(d, regimen.First) {
			continue
		}
		drug, _ := r.words.Drug(name)
		if reason := over(drug, regimen, caps[name]); reason != "" {
			last := max(regimen.Last, regimen.Frequency.Last)
			found = append(found, finding(DoseOverMaximum, "answer", d, regimen.First, last, reason))
			break
		}
	}
	return found
}

func over(drug terms.Drug, regimen dose.Regimen, dailyCap float64) string {
	switch {
	case drug.IsWeekly && regimen.IsDaily:
		return fmt.Sprintf("%s is taken once a week, here every day (%s)", drug.Name, drug.Source)
	case drug.MaxSingleMg > 0 && regimen.SingleMg > drug.MaxSingleMg*tolerance:
		return fmt.Sprintf("%g mg of %s at once, above %g mg (%s)", regimen.SingleMg, drug.Name, drug.MaxSingleMg, drug.Source)
	case drug.MaxDailyMg > 0 && regimen.DailyMg > drug.MaxDailyMg*tolerance && !(dailyCap > 0 && dailyCap <= drug.MaxDailyMg*tolerance):
		return fmt.Sprintf("%g mg of %s a day, above %g mg (%s)", regimen.DailyMg, drug.Name, drug.MaxDailyMg, drug.Source)
	case drug.MaxDailyMg > 0 && regimen.SingleMg > drug.MaxDailyMg*tolerance:
		return fmt.Sprintf("%g mg of %s at once, above %g mg a day (%s)", regimen.SingleMg, drug.Name, drug.MaxDailyMg, drug.Source)
	}
	return ""
}

// dailyCaps are the limits for a day that the answer itself gives, by drug.
func (r *Rules) dailyCaps(d *text.Doc, mentions []text.Match) map[string]float64 {
	caps := map[string]float64{}
	for _, regimen := range dose.Regimens(d) {
		if name, isKnown := drugOf(d, mentions, nil, regimen); isKnown && regimen.IsCap && regimen.DailyMg > 0 {
			caps[name] = regimen.DailyMg
		}
	}
	return caps
}

// drugOf finds the drug of an amount: the nearest in its sentence, else the last before it, else the one asked about.
func drugOf(d *text.Doc, mentions, asked []text.Match, regimen dose.Regimen) (name string, isKnown bool) {
	sentence, nearest := d.Words[regimen.First].Sentence, len(d.Words)
	for _, m := range mentions {
		if d.Words[m.First].Sentence != sentence {
			continue
		}
		gap := m.First - regimen.Last
		if m.Last < regimen.First {
			gap = regimen.First - m.Last
		}
		if gap < nearest {
			name, nearest, isKnown = m.Concept, gap, true
		}
	}
	if isKnown {
		return name, true
	}
	for _, m := range mentions {
		if m.Last < regimen.First {
			name, isKnown = m.Concept, true
		}
	}
	if isKnown || len(asked) == 0 {
		return name, isKnown
	}
	return asked[0].Concept, true
}

// isWarning reports whether the sentence of an amount tells of harm done, not of what to take.
func isWarning(d *text.Doc, word int) bool {
	first, last := d.Sentence(d.Words[word].Sentence)
	for i := first; i <= last; i++ {
		if slices.Contains([]string{"mistake", "accident", "accidentally", "overdose", "overdosed", "took", "toxic", "fatal", "lethal", "destroy", "poisoning", "dangerous", "deadly", "died"}, d.Words[i].Lower) {
			return true
		}
	}
	return false
}
