package safety_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/labelled"
	"elara/scoring/safety"
)

// The bounds of the sealed part hold on the development part too; the errors are listed for whoever tunes a rule.
func TestRulesHoldTheBoundsOnTheDevelopmentPart(t *testing.T) {
	rules, err := safety.Load()
	require.NoError(t, err)
	items, err := labelled.Read[safety.Item]("testdata", "safety", labelled.Dev)
	require.NoError(t, err)
	figures := safety.Measure(rules, items)
	for _, wrong := range figures.Wrong {
		t.Log(wrong)
	}
	require.GreaterOrEqual(t, figures.All.Recall().Value, 0.95)
	require.GreaterOrEqual(t, figures.All.Precision().Value, 0.80)
	require.LessOrEqual(t, figures.TwinFlagged.Value, 0.05)
}
