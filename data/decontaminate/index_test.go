package decontaminate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	question = "What should I do when my chest hurts?"
	answer   = "Call an ambulance at once, chew one aspirin if you are not allergic, and sit down until help comes to you."
)

func TestRowsThatStandInTheTrainingRowsAreFound(t *testing.T) {
	known := NewIndex()
	known.Add("train.jsonl", 7, question, answer)
	for name, test := range map[string]struct {
		question, answer string
		says             string // empty: not found
	}{
		"the row itself":           {question, answer, "the same words as train.jsonl:7"},
		"other case and marks":     {"what should I do, when my CHEST hurts", strings.ReplaceAll(answer, ",", " -"), "the same words as train.jsonl:7"},
		"wide letters":             {"Ｗhat should I do when my chest hurts?", answer, "the same words as train.jsonl:7"},
		"thirteen words of it":     {"Another question", "First chew one aspirin if you are not allergic, and sit down until help.", "13 words in a row of train.jsonl:7"},
		"twelve words of it":       {"Another question", "First chew one aspirin if you are not allergic, and sit down until.", ""},
		"question and answer swap": {answer[:20], question, ""},
		"the question alone":       {question, "Rest.", ""},
		"no words":                 {"?", "!", ""},
	} {
		match, isFound := known.Find(test.question, test.answer)
		require.Equal(t, test.says != "", isFound, name)
		if isFound {
			require.Equal(t, test.says, match.String(), name)
		}
	}
}

func TestATurnOfPhraseIsNoContamination(t *testing.T) {
	known := NewIndex()
	for line := range mostRows {
		known.Add("train.jsonl", line+1, fmt.Sprint(line), answer, answer) // twice in one row counts once
	}
	_, isFound := known.Find("new", answer)
	require.True(t, isFound)
	known.Add("train.jsonl", mostRows+1, "one more", answer)
	_, isFound = known.Find("new", answer)
	require.False(t, isFound)
	match, isFound := known.Find("one more", answer)
	require.True(t, isFound, "the same row is found whatever its phrases are")
	require.True(t, match.IsExact)
}
