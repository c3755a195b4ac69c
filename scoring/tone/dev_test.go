package tone_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/labelled"
	"elara/scoring/tone"
)

// The bound of the sealed part holds on the development part too; the errors are listed for whoever tunes the points.
func TestAudiencesAreToldApartOnTheDevelopmentPart(t *testing.T) {
	speaker, err := tone.Load()
	require.NoError(t, err)
	items, err := labelled.Read[tone.Item]("testdata", "tone", labelled.Dev)
	require.NoError(t, err)
	figures := tone.Measure(speaker, items, items, 1)
	for _, wrong := range figures.Wrong {
		t.Log(wrong)
	}
	t.Log(figures.MacroF1, figures.Length, figures.ByAudience)
	require.GreaterOrEqual(t, figures.MacroF1.Value, 0.85)
	require.Greater(t, figures.MacroF1.Low, figures.Length)
}
