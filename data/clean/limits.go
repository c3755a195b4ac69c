package clean

import (
	"fmt"
	"unicode/utf8"

	"elara/data/ledger"
	"elara/spec"
	"elara/spec/fault"
)

// Limits are the guide's.
func Limits() spec.CleanConfig {
	return spec.CleanConfig{QuestionLongerThan: 10, QuestionShorterThan: 512, AnswerLongerThan: 20, AnswerShorterThan: 1024}
}

// check refuses limits that no text can meet.
func check(limits spec.CleanConfig) error {
	if err := checkPair("question", limits.QuestionLongerThan, limits.QuestionShorterThan); err != nil {
		return err
	}
	return checkPair("answer", limits.AnswerLongerThan, limits.AnswerShorterThan)
}

func checkPair(what string, longerThan, shorterThan int) error {
	if longerThan < 0 || shorterThan-longerThan < 2 {
		return fault.New(fault.Invalid, "%[1]s_longer_than %[2]d and %[1]s_shorter_than %[3]d leave no %[1]s; expected 0 <= longer_than < shorter_than - 1",
			what, longerThan, shorterThan)
	}
	return nil
}

// measure applies the length filters to cleaned texts; the first that a row fails names its bucket.
func measure(question, answer string, limits spec.CleanConfig) (bucket ledger.Bucket, reason string) {
	switch n := utf8.RuneCountInString(question); {
	case n <= limits.QuestionLongerThan:
		return ledger.QuestionTooShort, tooShort(n, limits.QuestionLongerThan)
	case n >= limits.QuestionShorterThan:
		return ledger.QuestionTooLong, tooLong(n, limits.QuestionShorterThan)
	}
	switch n := utf8.RuneCountInString(answer); {
	case n <= limits.AnswerLongerThan:
		return ledger.AnswerTooShort, tooShort(n, limits.AnswerLongerThan)
	case n >= limits.AnswerShorterThan:
		return ledger.AnswerTooLong, tooLong(n, limits.AnswerShorterThan)
	}
	return ledger.Kept, ""
}

func tooShort(n, limit int) string {
	return fmt.Sprintf("%d characters, expected more than %d", n, limit)
}

func tooLong(n, limit int) string {
	return fmt.Sprintf("%d characters, expected fewer than %d", n, limit)
}
