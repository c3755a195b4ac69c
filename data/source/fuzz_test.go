package source_test

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// FuzzRows holds the reader to its promises on any bytes: an error of kind Invalid or whole rows, in order, and
// where the standard library's stricter reader accepts the text too, the same fields.
func FuzzRows(f *testing.F) {
	nasty, err := os.ReadFile("../../tests/peer/clean/nasty.csv")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(nasty), "question,answer\na,b\n", "question,answer\n\"a\"\"\n\",b\r\n \t\n\"c", "answer,question\r,\r\r\n\"\",\"\"",
		"question,answer\na\"b,c\n\"d\"e,f\n", "\ufeffquestion,answer\nNA,\xff\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := collect(setOf(text))
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("error without kind: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("error of several lines: %q", err)
		}
		line := 1
		for _, row := range rows {
			if row.ID.Line <= line || row.ID.Line > 1+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Fatalf("row at line %d after one at line %d", row.ID.Line, line)
			}
			line = row.ID.Line
			if row.Bad == nil && len(row.Fields) != len(row.Header.Names) {
				t.Fatalf("%d fields under %d columns", len(row.Fields), len(row.Header.Names))
			}
		}
		if want, isComparable := strictRows(text); isComparable && err == nil {
			require.Len(t, rows, len(want))
			for i, row := range rows {
				if row.Bad == nil && !isAnyMissing(want[i]) {
					require.Equal(t, want[i], row.Fields)
				}
			}
		}
	})
}

// strictRows reads with encoding/csv, which knows no lone \r, keeps lines of blanks and changes \r\n in quotes.
func strictRows(text string) (rows [][]string, isComparable bool) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) || strings.Contains(text, "\r") || strings.Contains(text, "\ufeff") {
		return nil, false
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && strings.Trim(line, " \t") == "" {
			return nil, false
		}
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, false
	}
	return rows[1:], true
}

func isAnyMissing(fields []string) bool {
	for _, field := range fields {
		if len(field) <= len("#N/A N/A") { // every word for a missing value is this short
			return true
		}
	}
	return false
}
