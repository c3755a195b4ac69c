package sample

import (
	"strings"
	"unicode/utf8"

	"elara/spec"
)

// Lengths at which the guide's cleaning begins to drop a text, in characters.
const (
	questionTooLongFrom = 512
	answerTooLongFrom   = 1024
)

// spoil makes the row of one defect out of a sound one; n counts the rows of that defect.
func spoil(rows []row, donor int, defect Defect, n int, draw stream) row {
	spoilt := rows[donor]
	switch defect {
	case WhiteSpace, NearDuplicate:
		spoilt.question = stretch(spoilt.question, n, draw)
		spoilt.answer = stretch(spoilt.answer, n+1, draw)
	case NonBreakingSpace:
		spoilt.answer = replaceBlank(spoilt.answer, draw.below(n, 1<<16), "\u00a0")
	case ShortQuestion:
		spoilt.question = oneOf(n, "Help?", "Why?", "Is it bad?", "And then?", "What now?") // the third has the 10 that are one too few
	case LongQuestion:
		spoilt.question = repeatUntil(rows, donor, questionTooLongFrom, func(r row) string { return r.question })
	case ShortAnswer:
		spoilt.answer = oneOf(n, "Yes.", "No.", "See a doctor.", "Rest and drink.", "It depends on cause.") // the last has the 20 that are one too few
	case LongAnswer:
		spoilt.answer = repeatUntil(rows, donor, answerTooLongFrom, func(r row) string { return r.answer })
	case MissingQuestion:
		spoilt.question = ""
	case MissingAnswer:
		spoilt.answer = oneOf(n, "NA", "", "N/A", "NaN", "null")
	}
	return spoilt
}

// oneOf takes the options in turn.
func oneOf(n int, options ...string) string { return options[n%len(options)] }

// stretch puts a run of white space in place of one blank, and of every sixth text's ends.
func stretch(text string, n int, draw stream) string {
	run := oneOf(n, "  ", "\n", "\t", " \n ", "    ", "\r\n", "\n\n", " \t ")
	text = replaceBlank(text, draw.below(n, 1<<16), run)
	if n%6 == 0 {
		text = " " + text + "\n"
	}
	return text
}

// replaceBlank replaces one blank of the text, the one that the number falls on.
func replaceBlank(text string, number int, by string) string {
	words := strings.Split(text, " ")
	if len(words) == 1 {
		return text + by
	}
	at := 1 + number%(len(words)-1)
	return strings.Join(words[:at], " ") + by + strings.Join(words[at:], " ")
}

// repeatUntil joins texts of the same condition, the donor's first, until they have at least that many
// characters: what comes of merged cells and of pages that were pasted as a whole.
func repeatUntil(rows []row, donor, length int, text func(row) string) string {
	joined := text(rows[donor])
	for step := 1; utf8.RuneCountInString(joined) < length; step++ {
		next := rows[(donor+step)%len(rows)]
		if next.condition == rows[donor].condition && next.audience != spec.Doctor {
			joined += " " + text(next)
		}
	}
	return joined
}
