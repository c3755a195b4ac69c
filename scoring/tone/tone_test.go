package tone

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// Counted by hand, as a dictionary divides the words.
func TestSyllablesAreThoseOfADictionary(t *testing.T) {
	for want, words := range map[int]string{
		1: "the heart pain breathe cold face stroke move helped stopped lungs blood dose tooth you're eyes nerve cough scar cause",
		2: "asthma table muscle tablet doctor breathing people needed evening quiet careful safely vaccine fever rhythm being doing fluid kidney disease patient special ancient",
		3: "medicine hospital ambulance infection family vitamin recover allergy radial medium pneumonia area",
		4: "emergency temperature diabetes anaemia inflammation usually information hypertension",
		5: "appendicitis examination respiratory",
		6: "cardiovascular",
	} {
		for _, word := range strings.Fields(words) {
			require.Equal(t, want, Syllables(word), word)
		}
	}
}

// By hand for 120 words, 10 sentences, 168 syllables and 12 long words: 0.39 * 12 + 11.8 * 1.4 - 15.59 = 5.61, and
// 1.0430 * sqrt(12 * 3) + 3.1291 = 9.3871.
func TestFormulasAreThePublishedOnes(t *testing.T) {
	require.InDelta(t, 5.61, Grade(120, 10, 168), 1e-9)
	require.InDelta(t, 9.3871, Smog(12, 10), 1e-9)
}

func speaker(t *testing.T) *Speaker {
	t.Helper()
	s, err := Load()
	require.NoError(t, err)
	return s
}

func TestReadabilityNeedsAHundredWordsAndForgivesDrugs(t *testing.T) {
	s := speaker(t)
	require.True(t, math.IsNaN(s.Read("Rest and drink. See a doctor if it lasts.").Readability.Grade))
	plain := s.Read(strings.Repeat("Take one tablet with food each day. ", 15)).Readability
	drug := s.Read(strings.Repeat("Take one paracetamol with food each day. ", 15)).Readability
	require.Equal(t, 105, plain.Words)
	require.Equal(t, plain, drug)
	require.InDelta(t, Grade(105, 15, 120), plain.Grade, 1e-9) // 8 syllables a sentence
}

func TestSharesAreCountsOverWords(t *testing.T) {
	r := speaker(t).Read("You are not to blame. Call 999 now!")
	require.InDelta(t, 1.0/8, r.Shares["reader"], 1e-12)
	require.InDelta(t, 1.0/8, r.Shares["call"], 1e-12)
	require.InDelta(t, 1.0/2, r.Shares["orders"], 1e-12)
	require.InDelta(t, 4, r.Shares["words per sentence"], 1e-12)
	require.Empty(t, r.Blames)
	require.Equal(t, []string{"your own fault"}, speaker(t).Read("It is your own fault.").Blames)
	require.Empty(t, speaker(t).Read("It is not your own fault.").Blames)
}

func TestVerdictNamesWhatMissesItsTarget(t *testing.T) {
	s := speaker(t)
	kind, err := s.Judge(s.Read("I know this is hard. You can rest and drink, and you will feel better soon."), spec.Patient)
	require.NoError(t, err)
	require.True(t, kind.Suits)
	require.Empty(t, kind.Missed)
	require.InDelta(t, 1, kind.Score, 0)

	harsh, err := s.Judge(s.Read("It is your own fault. Idiopathic nephropathy warrants immunosuppression."), spec.Patient)
	require.NoError(t, err)
	require.False(t, harsh.Suits)
	require.Less(t, harsh.Score, kind.Score)
	require.Contains(t, strings.Join(harsh.Missed, "; "), "blame 0.111, at most 0: nobody is to blame")

	_, err = s.Judge(Reading{}, "nurse")
	require.True(t, fault.Is(err, fault.Invalid))
}

// Games must not win: an empty text meets nothing, and five times the same changes no share.
func TestGamesDoNotWin(t *testing.T) {
	s := speaker(t)
	const honest = "I know this is hard. You can rest and drink, and you will feel better soon."
	score := func(content string) float64 {
		verdict, err := s.Judge(s.Read(content), spec.Patient)
		require.NoError(t, err)
		return verdict.Score
	}
	require.Zero(t, score(""))
	require.Less(t, score("Please see a doctor."), score(honest))
	require.LessOrEqual(t, score(strings.Repeat(honest+" ", 5)), score(honest))
	require.Equal(t, s.Suits(s.Read(honest)).Audience, s.Suits(s.Read(strings.Repeat(honest+" ", 5))).Audience)
}

func TestBadTableNamesTheLine(t *testing.T) {
	const points = "audience,feature,from,to,points,why\n"
	for content, want := range map[string]string{
		points:                              `p.csv:1: expected the columns audience,feature,from,to,points,why and at least one row`,
		points + "nurse,jargon,0,1,1,x":     `p.csv:2: audience "nurse": expected general, patient, doctor or emergency`,
		points + "doctor,jargon,0,x,1,x":    `p.csv:2: to "x"; expected a number`,
		points + "doctor,jargon,1,0,1,x":    `p.csv:2: feature "jargon" from 1 to 0; expected a known feature and a range`,
		points + "doctor,verbosity,0,1,1,x": `p.csv:2: feature "verbosity" from 0 to 1; expected a known feature and a range`,
	} {
		_, err := readPoints("p.csv", content)
		require.EqualError(t, err, want)
	}
	_, err := readTargets("t.csv", "audience,feature,least,most,why\ndoctor,luck,1,,x")
	require.ErrorContains(t, err, `t.csv:2: feature "luck"; expected grade, smog or one of`)
}
