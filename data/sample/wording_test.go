package sample

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestListsReadAsProse(t *testing.T) {
	require.Equal(t, "fever", list([]string{"fever"}, "and"))
	require.Equal(t, "fever and cough", list([]string{"fever", "cough"}, "and"))
	require.Equal(t, "fever, cough or rash", list([]string{"fever", "cough", "rash"}, "or"))
	require.Equal(t, "fever, and cough or cold", list([]string{"fever", "cough or cold"}, "and"))
}

func TestClausesReadAsConditions(t *testing.T) {
	require.Equal(t, "it hurts", conditional([]string{"it hurts"}))
	require.Equal(t, "it hurts or if it bleeds", conditional([]string{"it hurts", "it bleeds"}))
	require.Equal(t, "it hurts, if it bleeds or if you faint", conditional([]string{"it hurts", "it bleeds", "you faint"}))
}

func TestOrdersAreSentences(t *testing.T) {
	require.Equal(t, "Rest. Drink water.", orders([]string{"rest", "drink water"}))
}

func TestFramesAreFilled(t *testing.T) {
	pieces := slots{"phrase": "a burn", "what": "It hurts."}
	text, err := pieces.fill("What is {phrase}? {Phrase}: {what}")
	require.NoError(t, err)
	require.Equal(t, "What is a burn? A burn: It hurts.", text)
}

func TestFramesWithFaultsAreRefused(t *testing.T) {
	for frame, expected := range map[string]string{
		"What is {fhrase}?": `frame "What is {fhrase}?": no slot named "fhrase"`,
		"What is {phrase?":  `frame "What is {phrase?": brace is not closed`,
	} {
		_, err := slots{"phrase": "a burn"}.fill(frame)
		require.EqualError(t, err, expected)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

func TestMedicalTermIsAddedWhereItIsAnother(t *testing.T) {
	other := Condition{What: "It burns.", Name: "acid reflux", Phrase: "acid reflux", Clinical: "gastro-oesophageal reflux disease"}
	require.Equal(t, "It burns. In medical terms it is called gastro-oesophageal reflux disease.", other.whatInFull())
	same := Condition{What: "It hurts.", Name: "gout", Phrase: "gout", Clinical: "gout"}
	require.Equal(t, "It hurts.", same.whatInFull())
}
