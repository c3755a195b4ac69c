package accuracy

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The golden values are Google's: tests/peer/scoring/rouge.py.
func TestRougeLIsThatOfRougeScore(t *testing.T) {
	content, err := os.ReadFile("testdata/rouge.json")
	require.NoError(t, err)
	var golden struct {
		Version string `json:"rouge_score"`
		Pairs   []struct {
			Reference, Answer string
			RougeL            float64 `json:"rougeL"`
		}
	}
	require.NoError(t, json.Unmarshal(content, &golden))
	require.Equal(t, "0.1.2", golden.Version)
	require.Greater(t, len(golden.Pairs), 50)
	for _, pair := range golden.Pairs {
		require.InDelta(t, pair.RougeL, RougeL(pair.Reference, pair.Answer), 1e-12, pair.Answer)
	}
}

// "the cat sat on the mat" and "the cat lay on a mat" share the, cat, on, mat: 4 of 6 on both sides.
func TestTokenF1CountsSharedTokens(t *testing.T) {
	require.InDelta(t, 4.0/6, TokenF1("the cat sat on the mat", "the cat lay on a mat"), 1e-12)
	require.InDelta(t, 0.5, TokenF1("repeat repeat repeat", "repeat"), 1e-12) // 2 * 1 * (1/3) / (4/3)
	require.Zero(t, TokenF1("one", "two"))
	require.Zero(t, TokenF1("one", ""))
}
