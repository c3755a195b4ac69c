package accuracy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/accuracy"
	"elara/scoring/labelled"
)

// The bound of the sealed part holds on the development part too; the errors are listed for whoever tunes the score.
func TestScoreHoldsTheBoundOnTheDevelopmentPart(t *testing.T) {
	scorer, err := accuracy.Load()
	require.NoError(t, err)
	items, err := labelled.Read[accuracy.Item]("testdata", "accuracy", labelled.Dev)
	require.NoError(t, err)
	figures, err := accuracy.Measure(scorer, items, 1)
	require.NoError(t, err)
	for _, wrong := range figures.Wrong {
		t.Log(wrong)
	}
	for i, item := range items {
		if item.Good && figures.Scores[i] < 0.7 {
			score, err := scorer.Score(item.Reference, item.Answer)
			require.NoError(t, err)
			t.Logf("%s %.3f %s: missing %v, instead %v", item.ID, score.Value, item.Answer, score.Recall.Missing, score.Recall.Instead)
		}
	}
	t.Log(figures.AUC, figures.Pairs)
	require.GreaterOrEqual(t, figures.AUC.Value, 0.90)
}
