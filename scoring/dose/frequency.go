package dose

import (
	"strings"

	"elara/scoring/text"
)

// Frequency is how often something is taken.
type Frequency struct {
	LowPerDay, HighPerDay float64
	IsTotal               bool // "a day", "in 24 hours" without a count: the amount may be that of the day
	First, Last           int
}

var shorthands = map[string]float64{
	"od": 1, "bd": 2, "bid": 2, "tds": 3, "tid": 3, "qds": 4, "qid": 4, "daily": 1, "nightly": 1, "weekly": 1.0 / 7, "monthly": 1.0 / 30, "once": 0,
}

// Frequencies gives all of them by place.
func Frequencies(d *text.Doc) []Frequency {
	var all []Frequency
	for i := 0; i < len(d.Words); i++ {
		f, isFound := frequencyAt(d, i)
		if !isFound {
			continue
		}
		all = append(all, f)
		i = f.Last
	}
	return all
}

func frequencyAt(d *text.Doc, i int) (Frequency, bool) {
	w := lowerAt(d, i)
	times := 0.0
	switch w {
	case "once":
		times = 1
	case "twice":
		times = 2
	case "thrice":
		times = 3
	}
	if times > 0 {
		return perPeriod(d, i, i+1, times, times)
	}
	if low, isNumber := number(w); isNumber {
		high, next := low, i+1
		if end, last, isRange := rangeEnd(d, next); isRange {
			high, next = end, last+1
		}
		if lowerAt(d, next) == "times" {
			return perPeriod(d, i, next+1, low, high)
		}
		if w == "24" && lowerAt(d, i+1) == "hours" {
			return Frequency{1, 1, true, i, i + 1}, true
		}
		return Frequency{}, false
	}
	if w == "every" || w == "each" {
		return every(d, i)
	}
	if perDay, isKnown := shorthands[w]; isKnown && perDay > 0 {
		return Frequency{perDay, perDay, w == "daily", i, i}, true
	}
	switch w + " " + lowerAt(d, i+1) {
	case "a day", "per day", "each day":
		return Frequency{1, 1, true, i, i + 1}, true
	case "at bedtime", "at night", "before bed":
		return Frequency{1, 1, false, i, i + 1}, true
	case "a week", "per week":
		return Frequency{1.0 / 7, 1.0 / 7, true, i, i + 1}, true
	}
	return Frequency{}, false
}

// perPeriod reads "daily", "a day", "per day", "a week" behind "three times".
func perPeriod(d *text.Doc, first, at int, low, high float64) (Frequency, bool) {
	days, last := 0.0, at
	switch lowerAt(d, at) {
	case "daily":
		days = 1
	case "weekly":
		days = 7
	case "monthly":
		days = 30
	case "a", "per", "each", "every":
		last = at + 1
		switch lowerAt(d, last) {
		case "day", "night", "morning", "evening":
			days = 1
		case "week":
			days = 7
		case "month":
			days = 30
		}
	case "at", "in":
		return Frequency{low, high, false, first, first}, low == 1
	}
	if days == 0 {
		return Frequency{}, false
	}
	return Frequency{low / days, high / days, false, first, last}, true
}

// every reads "every six hours", "every 4 to 6 hours", "every morning", "every other day".
func every(d *text.Doc, i int) (Frequency, bool) {
	switch next := lowerAt(d, i+1); {
	case next == "day" || next == "morning" || next == "night" || next == "evening":
		return Frequency{1, 1, false, i, i + 1}, true
	case next == "week" || strings.HasSuffix(next, "day") && next != "day":
		return Frequency{1.0 / 7, 1.0 / 7, false, i, i + 1}, true
	case next == "hour":
		return Frequency{24, 24, false, i, i + 1}, true
	case next == "minute":
		return Frequency{1440, 1440, false, i, i + 1}, true
	case next == "month":
		return Frequency{1.0 / 30, 1.0 / 30, false, i, i + 1}, true
	}
	if i+1 >= len(d.Words) {
		return Frequency{}, false
	}
	q, isFound := quantityAt(d, i+1)
	if !isFound || q.Kind != Hour || q.Low <= 0 {
		return Frequency{}, false
	}
	return Frequency{24 / q.High, 24 / q.Low, false, i, q.Last}, true
}

func lowerAt(d *text.Doc, i int) string {
	if i >= len(d.Words) {
		return ""
	}
	return d.Words[i].Lower
}
