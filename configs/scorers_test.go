package configs

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

func TestAFileOfScorersReadsAsInAPPOFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scorers.json")
	writeAt(t, path, `{"scorers": [{"name": "model", "kind": "reward"}, {"name": "brief", "kind": "length", "weight": 0.2, "words": 80}]}`)
	list, err := LoadScorers(path)
	require.NoError(t, err)
	require.Equal(t, []spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}, {Name: "brief", Kind: spec.ScorerLength, Weight: 0.2, Words: 80}}, list)

	for text, want := range map[string]string{
		`{"scorer": []}`: `scorers.json:1: scorer: unknown key (did you mean "scorers"?)`,
		`{}`:             "scorers: missing",
		`{"scorers": [{"name": "a", "kind": "length"}]}`: "scorers.json:1: scorers[0]: words is 0, expected at least 1",
	} {
		writeAt(t, path, text)
		_, err := LoadScorers(path)
		require.ErrorContains(t, err, want)
	}
	_, err = LoadScorers("nowhere.json")
	require.ErrorContains(t, err, "nowhere.json: cannot be read")
}
