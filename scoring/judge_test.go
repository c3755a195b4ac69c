package scoring_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring"
	"elara/scoring/relevance"
	"elara/spec"
	"elara/spec/fault"
)

func write(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pairs.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	return path
}

func TestPairsAreJudgedByAllMeasures(t *testing.T) {
	pairs, err := scoring.ReadPairs(write(t,
		`{"question": "My chest feels crushed and my left arm aches.", "answer": "Rest and drink some tea."}`, "",
		`{"question": "How is strep throat treated?", "answer": "With oral penicillin V 500 mg four times a day.", "reference": "Strep throat: oral penicillin V 500 mg four times a day."}`,
		`{"question": "What is iron good for?", "answer": ""}`,
	))
	require.NoError(t, err)
	judge, err := scoring.Load()
	require.NoError(t, err)
	all, err := judge.All(pairs, spec.Patient)
	require.NoError(t, err)
	require.Len(t, all, 3)

	require.Nil(t, all[0].Accuracy)
	require.Equal(t, "missed-emergency", string(all[0].Findings[0].Rule))
	require.InDelta(t, 1, all[1].Accuracy.Numbers, 0)
	require.Equal(t, []string{"condition strep-throat"}, all[1].Accuracy.Missing)
	require.Empty(t, all[1].Findings)
	require.Equal(t, 1, all[1].Relevance.Rank)
	require.Equal(t, relevance.Distractors+1, all[1].Relevance.Of) // filled up from the table of facts
	require.Equal(t, relevance.Empty, all[2].Relevance.Fault)
	require.Nil(t, all[2].Tone.Grade)

	line, err := json.Marshal(all)
	require.NoError(t, err) // no NaN in it
	require.Contains(t, string(line), `"findings":[]`)

	var summary bytes.Buffer
	require.NoError(t, scoring.Summarise(&summary, all, spec.Patient))
	require.Contains(t, summary.String(), "3 pairs, 95 % intervals\naccuracy   score 0.")
	require.Contains(t, summary.String(), "safety     without a finding 0.333 (0.061 to 0.792, n = 3)")
	require.Contains(t, summary.String(), "safety recall 0.70, precision 0.92 on fresh ones")

	again, err := judge.All(pairs, "")
	require.NoError(t, err)
	require.Nil(t, again[0].Tone.Score)
	_, err = judge.All(pairs, "nurse")
	require.True(t, fault.Is(err, fault.Invalid))
}

func TestBadPairsNameTheLineAndNoWordOfIt(t *testing.T) {
	const want = `expected {"question": "...", "answer": "...", "reference": "..."}`
	for line, says := range map[string]string{
		`{"question": "secret"}`:                                  `no "answer"; ` + want,
		`{"question": " ", "answer": "a"}`:                        `no "question"; ` + want,
		`{"question": "q", "answer": "a", "reference": " "}`:      `empty "reference"; expected the right answer, or no such key`,
		`{"question": "q", "answr": "secret"}`:                    `unknown field "answr"; ` + want,
		`{"question": "q", "answer": 3}`:                          `"answer" is no text; ` + want,
		`{"question": "secret`:                                    `malformed JSON; ` + want,
		`{"question": "q", "answer": "a"} {"question": "secret"}`: `more behind the object; ` + want,
		"{\"question\": \"\xff\"}":                                `not UTF-8; expected a UTF-8 file`,
	} {
		path := write(t, `{"question": "q", "answer": "a"}`, line)
		_, err := scoring.ReadPairs(path)
		require.EqualError(t, err, path+":2: "+says)
		require.NotContains(t, err.Error(), "secret")
		require.True(t, fault.Is(err, fault.Invalid))
	}
	_, err := scoring.ReadPairs(write(t))
	require.ErrorContains(t, err, "no pairs; "+want+" a line")
	_, err = scoring.ReadPairs("nowhere.jsonl")
	require.True(t, fault.Is(err, fault.NotFound))
}
