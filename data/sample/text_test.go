package sample

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// soundRows gives the sound rows of all conditions.
func soundRows(t *testing.T, seed uint64) []row {
	t.Helper()
	all, err := Facts()
	require.NoError(t, err)
	rows, err := questionRows(all, seed)
	require.NoError(t, err)
	return rows
}

func TestEachConditionIsAskedAboutEvenly(t *testing.T) {
	byCondition, byAudience := map[string]int{}, map[spec.Audience]int{}
	for _, r := range soundRows(t, 1) {
		byCondition[r.condition]++
		byAudience[r.audience]++
	}
	require.Len(t, byCondition, 89)
	for id, count := range byCondition {
		require.Equal(t, 32, count, id) // 8 general, 9 patient, 8 doctor, 6 emergency, 1 for all
	}
	require.Equal(t, map[spec.Audience]int{
		spec.General: 89 * 8, spec.Patient: 89 * 9, spec.Doctor: 89 * 8, spec.Emergency: 89 * 6, "": 89,
	}, byAudience)
}

func TestNoTwoRowsAskTheSame(t *testing.T) {
	seen := map[[3]string]bool{}
	for _, r := range soundRows(t, 1) {
		key := [3]string{r.question, string(r.audience), r.condition}
		require.False(t, seen[key], "%v", key)
		seen[key] = true
	}
}

// residue is what a frame or a fact that does not fit leaves behind.
var residue = regexp.MustCompile(`[{}<>|"]|%!|  | [,.;:?!]|[,;:]\.|\.\.|\?\.|,,|\bnil\b|\b(?:a a|an a|a an|the the|and and|or or|if if|is is|to to)\b|[.?!] [a-z]|\b[Aa] [aeio][a-z]`)

func TestNothingOfTheFramesIsLeftInTheTexts(t *testing.T) {
	for seed := range uint64(2) {
		for _, r := range soundRows(t, seed) {
			for _, text := range []string{r.question, r.answer} {
				require.Empty(t, residue.FindString(text), text)
				require.Equal(t, upperFirst(text), text)
			}
			require.Regexp(t, `[.?]$`, r.question)
			require.Regexp(t, `\.$`, r.answer)
		}
	}
}

func TestSoundRowsAreWithinTheLimitsOfCleaning(t *testing.T) {
	usual := 0
	rows := soundRows(t, 1)
	for _, r := range rows {
		question, answer := utf8.RuneCountInString(r.question), utf8.RuneCountInString(r.answer)
		require.True(t, question > 10 && question < questionTooLongFrom, r.question)
		require.True(t, answer > 100 && answer < 800, r.answer)
		if answer >= 150 && answer <= 600 {
			usual++
		}
	}
	require.GreaterOrEqual(t, usual, len(rows)*95/100)
}

func TestEmergencyAnswersBeginWithTheAction(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	action := map[string]string{}
	for _, condition := range all {
		action[condition.ID] = condition.Action
	}
	for _, r := range soundRows(t, 1) {
		if r.audience == spec.Emergency && !strings.HasPrefix(r.answer, "Call the local emergency number") {
			require.True(t, strings.HasPrefix(r.answer, action[r.condition]), r.answer)
		}
	}
}

func TestDialoguesAreTalksThatCleaningKeeps(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	rows, err := dialogueRows(all, 1)
	require.NoError(t, err)
	require.Len(t, rows, 2*89)
	turn := regexp.MustCompile(`^(Doctor|Patient|Parent): [A-Z][^:]*[.?]$`)
	parents := 0
	for _, r := range rows {
		lines := strings.Split(r.question, "\n")
		require.GreaterOrEqual(t, len(lines), 3)
		for _, line := range lines {
			require.Regexp(t, turn, line)
			require.Empty(t, residue.FindString(line), line)
		}
		require.True(t, strings.HasPrefix(r.answer, "Doctor: "))
		require.Empty(t, residue.FindString(r.answer), r.answer)
		require.Less(t, utf8.RuneCountInString(r.question), questionTooLongFrom, r.question)
		require.Less(t, utf8.RuneCountInString(r.answer), answerTooLongFrom, r.answer)
		if strings.Contains(r.question, "Parent: ") {
			parents++
			require.NotContains(t, r.question, "Patient: ")
		}
	}
	require.Equal(t, 2*6, parents)
}

func TestProseHasAPassageForEachCondition(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	for name, render := range map[string]func([]Condition, uint64) ([]byte, error){"guidelines": guidelineText, "textbook": textbookText} {
		text, err := render(all, 1)
		require.NoError(t, err)
		require.Contains(t, string(text), "It is no medical advice.")
		require.Equal(t, 14, strings.Count(string(text), "\nChapter: "), name)
		for _, condition := range all {
			require.Contains(t, string(text), condition.Management, name)
			require.Contains(t, string(text), condition.Tests, name)
		}
		for line := range strings.Lines(string(text)) {
			require.Empty(t, residue.FindString(line), line)
		}
	}
}
