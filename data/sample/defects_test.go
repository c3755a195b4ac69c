package sample

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// planted renders qa.csv with its ledger as the file says it.
func planted(t *testing.T, opts Options) (text string, ledger Ledger) {
	t.Helper()
	dir := t.TempDir()
	summary, err := Write(dir, opts)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(read(t, dir, DefectsFile), &ledger))
	require.Equal(t, summary.Ledger, ledger)
	return string(read(t, dir, QAFile)), ledger
}

// The counts follow from the rates in docs/sample-data.md: 2,848 sound rows times the rate, rounded up.
func TestDefectsArePlantedAtTheDocumentedRates(t *testing.T) {
	_, ledger := planted(t, Options{Seed: 1})
	counts := map[Defect]int{}
	for _, p := range ledger.Defects {
		counts[p.Defect] = p.Count
		require.Len(t, p.Lines, p.Count)
		require.True(t, slices.IsSorted(p.Lines))
	}
	require.Equal(t, map[Defect]int{
		WhiteSpace: 86, NonBreakingSpace: 29, LineEnd: 57, Duplicate: 57, NearDuplicate: 29,
		ShortQuestion: 15, LongQuestion: 9, ShortAnswer: 15, LongAnswer: 15,
		MissingQuestion: 9, MissingAnswer: 23, TooFewFields: 9, TooManyFields: 9,
	}, counts)
	require.Equal(t, 3038, ledger.Records) // 2,848 and the 190 of the last ten
}

func TestOneConditionHasEveryDefect(t *testing.T) {
	_, ledger := planted(t, Options{Seed: 1, Conditions: 1})
	require.Len(t, ledger.Defects, 13)
	for _, p := range ledger.Defects {
		require.GreaterOrEqual(t, p.Count, 1, p.Defect)
	}
}

func TestTheFileBeginsWithAByteOrderMark(t *testing.T) {
	text, ledger := planted(t, Options{Seed: 1, Conditions: 1})
	require.True(t, ledger.HasByteOrderMark)
	require.True(t, strings.HasPrefix(text, "\xef\xbb\xbfquestion,answer,audience,condition,source\n"))
}

// pythonSpace is what \s matches in a Python str.
var pythonSpace = regexp.MustCompile(`[\s\v\x1c-\x1f\x{85}\p{Z}]+`)

func cleaned(text string) string { return strings.TrimSpace(pythonSpace.ReplaceAllString(text, " ")) }

// bucket is the guide's cleaning, written once more for the test.
func bucket(fields []string, seen map[string]bool) string {
	switch {
	case len(fields) < 5:
		return "bad_row:too_few_fields"
	case len(fields) > 5:
		return "bad_row:too_many_fields"
	}
	isMissing := func(text string) bool { return slices.Contains([]string{"", "NA", "N/A", "NaN", "null"}, text) }
	if isMissing(fields[0]) {
		return "missing_question"
	}
	if isMissing(fields[1]) {
		return "missing_answer"
	}
	question, answer := cleaned(fields[0]), cleaned(fields[1])
	key := strings.Join([]string{question, answer, fields[2], fields[3], fields[4]}, "\x00")
	if seen[key] {
		return "duplicate"
	}
	seen[key] = true
	switch q, a := utf8.RuneCountInString(question), utf8.RuneCountInString(answer); {
	case q <= 10:
		return "question_too_short"
	case q >= 512:
		return "question_too_long"
	case a <= 20:
		return "answer_too_short"
	case a >= 1024:
		return "answer_too_long"
	}
	return "kept"
}

func TestCleaningFindsWhatTheLedgerSays(t *testing.T) {
	for _, opts := range []Options{{Seed: 1}, {Seed: 2}, {Seed: 3, Conditions: 1}, {Seed: 4, Conditions: 10}} {
		text, ledger := planted(t, opts)
		expected := map[int]string{} // line: bucket
		for _, p := range ledger.Defects {
			for _, line := range p.Lines {
				require.Empty(t, expected[line], "line %d has two defects", line)
				expected[line] = p.Bucket
			}
		}
		reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, byteOrderMark)))
		reader.FieldsPerRecord = -1
		records, seen, buckets := 0, map[string]bool{}, map[string]int{}
		for fields, err := reader.Read(); fields != nil; fields, err = reader.Read() {
			require.NoError(t, err)
			line, _ := reader.FieldPos(0)
			if line == 1 {
				continue
			}
			records++
			found := bucket(fields, seen)
			buckets[found]++
			if expected[line] == "" {
				expected[line] = kept
			}
			require.Equal(t, expected[line], found, "%+v, line %d", opts, line)
		}
		require.Equal(t, ledger.Records, records)
		require.Equal(t, ledger.Buckets, buckets)
	}
}

func TestDefectsThatCleaningRepairsAreThere(t *testing.T) {
	text, ledger := planted(t, Options{Seed: 1})
	lines := strings.SplitAfter(text, "\n")
	for _, p := range ledger.Defects {
		for _, line := range p.Lines {
			rest := strings.Join(lines[line-1:min(line+12, len(lines))], "")
			reader := csv.NewReader(strings.NewReader(rest))
			reader.FieldsPerRecord = -1
			fields, err := reader.Read()
			require.NoError(t, err)
			raw := rest[:reader.InputOffset()]
			switch p.Defect {
			case WhiteSpace, NearDuplicate:
				require.NotEqual(t, cleaned(fields[0]), fields[0])
				require.NotEqual(t, cleaned(fields[1]), fields[1])
			case NonBreakingSpace:
				require.Equal(t, 1, strings.Count(fields[1], "\u00a0"))
			case LineEnd:
				require.True(t, strings.HasSuffix(raw, "\r\n"))
			}
		}
	}
	require.Equal(t, 57, bytes.Count([]byte(text), []byte("\r\n"))-insideQuotes(text), "other rows end in \\n")
}

// insideQuotes counts the \r\n that stand in a quoted field.
func insideQuotes(text string) int {
	count, isQuoted := 0, false
	for at := range len(text) - 1 {
		if text[at] == '"' {
			isQuoted = !isQuoted
		}
		if isQuoted && text[at] == '\r' && text[at+1] == '\n' {
			count++
		}
	}
	return count
}

func TestTheDocumentationNamesTheRates(t *testing.T) {
	text, err := os.ReadFile("../../docs/sample-data.md")
	require.NoError(t, err)
	for _, rate := range rates() {
		row := fmt.Sprintf("(?m)^\\| `%s` \\| %d \\| .* \\| `%s` \\|$", rate.defect, rate.perThousand, rate.bucket)
		require.Regexp(t, row, string(text))
	}
}
