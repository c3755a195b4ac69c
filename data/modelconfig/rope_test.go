package modelconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The expected numbers are transformers' own (tests/peer/engine/rope.py).
func TestFrequenciesAreThoseOfTransformers(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "rope.json"))
	require.NoError(t, err)
	var golden map[string]struct {
		Config      json.RawMessage
		Frequencies []float64
		Attention   float64
	}
	require.NoError(t, json.Unmarshal(data, &golden))
	require.Len(t, golden, 14)
	for name, want := range golden {
		t.Run(name, func(t *testing.T) {
			c, err := ParseLlama("config.json", want.Config)
			require.NoError(t, err)
			got, attention := c.Rope.Frequencies(c.RopeTheta, c.HeadDim)
			require.Len(t, got, len(want.Frequencies))
			for i, f := range want.Frequencies {
				require.InEpsilon(t, f, got[i], 5e-7, "frequency %d", i)
			}
			require.InEpsilon(t, want.Attention, attention, 1e-7)
		})
	}
}

func TestScalingSurvivesWritingAndReading(t *testing.T) {
	for name, rope := range map[string]Rope{
		"none":   {},
		"linear": {Type: "linear", Factor: 2.5},
		"llama3": {Type: "llama3", Factor: 8, OriginalPositions: 8192, LowFreqFactor: 1, HighFreqFactor: 4},
		"yarn":   {Type: "yarn", Factor: 4, OriginalPositions: 4096, AttentionFactor: 1.25, BetaFast: 16, BetaSlow: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := small(Llama)
			c.Rope = rope
			data, err := c.JSON()
			require.NoError(t, err)
			read, err := ParseLlama("config.json", data)
			require.NoError(t, err)
			require.Equal(t, rope, read.Rope)
		})
	}
}
