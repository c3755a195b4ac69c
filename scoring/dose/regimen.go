package dose

import (
	"slices"
	"strings"

	"elara/scoring/text"
)

// Regimen is a mass of medicine with how often it is taken, as far as the sentence tells.
type Regimen struct {
	Quantity
	Count     float64 // tablets or capsules taken together, 1 when not told
	SingleMg  float64 // the larger end of what is taken at once; 0 when only the day's amount is told
	DailyMg   float64 // the larger end at the longer interval; 0 when not told
	IsDaily   bool    // it is taken every day, or oftener
	IsCap     bool    // the text gives it as a limit: "at most", "no more than"
	Frequency Frequency
}

var pieces = []string{"tablet", "tablets", "capsule", "capsules", "pill", "pills", "caplets"}

// Regimens gives all masses that are not per kilogram, by place.
func Regimens(d *text.Doc) []Regimen {
	quantities, frequencies := Quantities(d), Frequencies(d)
	var all []Regimen
	for n, q := range quantities {
		if q.Kind != Milligram || q.IsPerKg {
			continue
		}
		r := Regimen{Quantity: q, Count: count(d, q), IsCap: isCap(d, q.First)}
		until := len(d.Words)
		for _, next := range quantities[n+1:] {
			if next.Kind == Milligram {
				until = next.First
				break
			}
		}
		f, isFound := frequencyBehind(d, frequencies, q, until)
		amount := q.High * r.Count
		switch {
		case !isFound:
			r.SingleMg = amount
		case f.IsTotal:
			r.DailyMg, r.IsDaily, r.Frequency = amount, true, f
		default:
			r.SingleMg, r.DailyMg, r.Frequency = amount, amount*f.LowPerDay, f
			r.IsDaily = f.LowPerDay >= 0.99
		}
		all = append(all, r)
	}
	return all
}

// frequencyBehind is the nearest frequency of the sentence that follows the amount and comes before the next one.
func frequencyBehind(d *text.Doc, all []Frequency, q Quantity, until int) (Frequency, bool) {
	for _, f := range all {
		if f.First > q.Last && f.First < until && d.Words[f.First].Sentence == d.Words[q.Last].Sentence {
			return f, true
		}
	}
	return Frequency{}, false
}

// count reads "four 500 mg tablets", "three zopiclone 7.5 mg tablets", "two tablets of 500 mg".
func count(d *text.Doc, q Quantity) float64 {
	isCounted := slices.Contains(pieces, lowerAt(d, q.Last+1)) || slices.Contains(pieces, lowerAt(d, q.Last+2))
	for back := 1; back <= 3 && q.First-back >= 0; back++ {
		w := d.Words[q.First-back]
		if w.Sentence != d.Words[q.First].Sentence {
			break
		}
		n, isNumber := number(w.Lower)
		if !isNumber || n < 1 || n > 40 {
			continue
		}
		if isCounted && back <= 2 || back > 1 && slices.Contains(pieces, lowerAt(d, q.First-back+1)) {
			return n
		}
	}
	return 1
}

func isCap(d *text.Doc, first int) bool {
	begin, _ := d.Sentence(d.Words[first].Sentence)
	begin = max(begin, first-6)
	if begin >= first {
		return false
	}
	before := " " + strings.ToLower(d.Quote(begin, first-1)) + " "
	for _, sign := range []string{" at most ", " maximum ", " no more than ", " not more than ", " never more than ", " up to ", " limit ", " not exceed ", " max ", " below ", " under "} {
		if strings.Contains(before, sign) {
			return true
		}
	}
	return false
}
