package relevance_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/labelled"
	"elara/scoring/relevance"
)

// The bound of the sealed part holds on the development part too; the errors are listed for whoever tunes the score.
func TestScoreHoldsTheBoundOnTheDevelopmentPart(t *testing.T) {
	scorer, err := relevance.Load()
	require.NoError(t, err)
	items, err := labelled.Read[relevance.Item]("testdata", "relevance", labelled.Dev)
	require.NoError(t, err)
	figures := relevance.Measure(scorer, items, 1)
	for _, wrong := range figures.Wrong {
		t.Log(wrong)
	}
	t.Log(figures.AUC, figures.Rank, figures.Faults)
	require.GreaterOrEqual(t, figures.AUC.Value, 0.95)
	require.GreaterOrEqual(t, figures.Faults.Recall().Value, 0.8)
}
