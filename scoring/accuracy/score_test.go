package accuracy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/terms"
	"elara/spec/fault"
)

func scorer(t *testing.T) *Scorer {
	t.Helper()
	s, err := Load()
	require.NoError(t, err)
	return s
}

func value(t *testing.T, reference, answer string) float64 {
	t.Helper()
	score, err := scorer(t).Score(reference, answer)
	require.NoError(t, err)
	return score.Value
}

func TestFactsComeInOneForm(t *testing.T) {
	words, err := terms.Load()
	require.NoError(t, err)
	same := [][2]string{
		{"amoxicillin 500 mg three times a day by mouth", "oral amoxicillin 0.5 g tds"},
		{"levothyroxine 50 micrograms once a day", "levothyroxine 0.05 mg daily"},
		{"apixaban 5 mg every 12 hours for one week", "apixaban 5 mg bd for 7 days"},
		{"paracetamol 15 mg/kg", "acetaminophen 15 mg per kg"},
		{"high blood pressure", "hypertension"},
	}
	for _, pair := range same {
		require.ElementsMatch(t, Facts(words, pair[0]), Facts(words, pair[1]), pair[0])
	}
	require.Contains(t, Facts(words, "Do not give aspirin."), Fact{Drug, "aspirin", true})
	require.NotContains(t, Facts(words, "type 1 diabetes"), Fact{Condition, "diabetes", false})
}

// Weights by hand: condition 1, drug 2, amount 2, route 1, frequency 1 of 7. A wrong dose misses 2 and tells 2 instead.
func TestRecallWeighsWhatIsMissingAndToldInstead(t *testing.T) {
	const reference = "Strep throat: oral amoxicillin 500 mg three times a day."
	score, err := scorer(t).Score(reference, "Strep throat: oral amoxicillin 250 mg three times a day.")
	require.NoError(t, err)
	require.Equal(t, []Fact{{Amount, "500 mg", false}}, score.Recall.Missing)
	require.Equal(t, []Fact{{Amount, "250 mg", false}}, score.Recall.Instead)
	require.InDelta(t, 5.0/7, score.Recall.Value, 1e-12)
	require.InDelta(t, 5.0/9, score.Recall.Score, 1e-12)
	require.InDelta(t, 0.5, score.NumberShare, 1e-12) // the frequency of two numbers
}

// A corrupted answer scores lower than the answer it was made of.
func TestCorruptionLowersTheScore(t *testing.T) {
	const good = "In anaphylaxis give adrenaline 0.5 mg intramuscularly and call an ambulance. Repeat after 5 minutes."
	for what, change := range map[string][2]string{
		"dose":      {"0.5 mg", "5 mg"},
		"unit":      {"0.5 mg", "0.5 g"},
		"drug":      {"adrenaline", "aspirin"},
		"route":     {"intramuscularly", "by mouth"},
		"negation":  {"give adrenaline", "do not give adrenaline"},
		"condition": {"anaphylaxis", "migraine"},
		"red flag":  {" and call an ambulance", ""},
		"time":      {"5 minutes", "5 hours"},
	} {
		corrupted := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, corrupted)
		require.Less(t, value(t, good, corrupted), value(t, good, good), what)
	}
}

// Games must not win: each scores below a plain right answer in other words.
func TestGamesDoNotWin(t *testing.T) {
	const question = "How is strep throat treated?"
	const reference = "Strep throat is treated with oral phenoxymethylpenicillin 500 mg four times a day for 10 days."
	honest := value(t, reference, "Penicillin V 500 mg by mouth every 6 hours over ten days for streptococcal sore throat.")
	everything := "Use phenoxymethylpenicillin or amoxicillin or aciclovir or ibuprofen 500 mg, 250 mg or 1 g, oral or intravenous, once, twice or four times a day, for 10 days."
	for what, answer := range map[string]string{
		"nothing": "", "pointer": "Please see a doctor.", "copy of the question": question, "everything at once": everything,
		"copy five times": strings.Repeat(question+" ", 5),
	} {
		require.Less(t, value(t, reference, answer), honest-0.1, what)
	}
	five := value(t, reference, strings.Repeat("Penicillin V 500 mg by mouth every 6 hours over ten days for streptococcal sore throat. ", 5))
	require.LessOrEqual(t, five, honest)
}

func TestEmptyReferenceIsRefused(t *testing.T) {
	_, err := scorer(t).Score(" ", "x")
	require.EqualError(t, err, "empty reference; expected the right answer")
	require.True(t, fault.Is(err, fault.Invalid))
}
