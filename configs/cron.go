package configs

import (
	"strconv"
	"strings"
)

// cronField is what one of the five fields of a cron line may hold.
type cronField struct {
	low, high int
	words     []string // names for low, low+1, ...
}

func cronFields() []cronField {
	return []cronField{
		{high: 59},
		{high: 23},
		{low: 1, high: 31},
		{low: 1, high: 12, words: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
		{high: 7, // 0 and 7 are Sunday
			words: strings.Fields("sun mon tue wed thu fri sat")},
	}
}

// cron is the form that Temporal accepts too, without its extensions, which a reader may not know.
func cron() form {
	return form{expected: "five fields (minute, hour, day of the month, month, day of the week) such as 30 2 * * mon", fits: isCron}
}

func isCron(line string) bool {
	parts, fields := strings.Fields(line), cronFields()
	if len(parts) != len(fields) {
		return false
	}
	for i, field := range fields {
		for _, item := range strings.Split(parts[i], ",") {
			if !field.accepts(item) {
				return false
			}
		}
	}
	return true
}

// accepts reports whether item is *, N, N-M, or one of them with /STEP.
func (f cronField) accepts(item string) bool {
	base, step, stepped := strings.Cut(item, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
		return false
	}
	if base == "*" {
		return true
	}
	first, last, isRange := strings.Cut(base, "-")
	low, ok := f.value(first)
	if !isRange {
		return ok
	}
	high, okHigh := f.value(last)
	return ok && okHigh && low <= high
}

func (f cronField) value(text string) (int, bool) {
	for i, word := range f.words {
		if strings.EqualFold(text, word) {
			return f.low + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.low && n <= f.high
}
