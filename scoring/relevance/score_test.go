package relevance

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/text"
	"elara/spec/fault"
)

var questions = []string{
	"How is asthma treated?", "What are the signs of a stroke?", "How can I lower my cholesterol?", "What helps against hay fever?", "How is a burn cooled?",
	"Which vaccine protects against shingles?",
}

const asthmaAnswer = "An inhaler with a steroid calms the airways, and a reliever opens them when breathing is hard."

func TestAnswerBelongsToItsOwnQuestion(t *testing.T) {
	s, err := Load()
	require.NoError(t, err)
	batch := s.NewBatch(questions)
	own := batch.Score(0, asthmaAnswer, len(questions))
	require.Equal(t, 1, own.Rank)
	require.Equal(t, len(questions), own.Of)
	require.InDelta(t, 1, own.ReciprocalRank(), 0)
	for other := 1; other < len(questions); other++ {
		require.Less(t, batch.Score(other, asthmaAnswer, len(questions)).Value, own.Value)
	}
	require.Equal(t, own, s.Score(questions[0], asthmaAnswer, questions[1:]))
	require.Equal(t, 3, batch.Score(4, asthmaAnswer, 2).Of)
	require.Greater(t, batch.Score(1, asthmaAnswer, len(questions)).Rank, 1)
}

// Games must not win: no fault has a value, and five times the answer is no better than once.
func TestGamesDoNotWin(t *testing.T) {
	s, err := Load()
	require.NoError(t, err)
	for answer, want := range map[string]Fault{
		"": Empty, " \n": Empty, "N/A": Empty, questions[0]: Echo, "You ask how asthma is treated. How is asthma treated?": Echo,
		"Please see a doctor.": Refusal, "I'm sorry, but I can't help with that.": Refusal, asthmaAnswer: None,
		"I can't examine you, but an inhaler with a steroid calms the airways.": None,
	} {
		score := s.Score(questions[0], answer, questions[1:])
		require.Equal(t, want, score.Fault, answer)
		if want != None {
			require.Zero(t, score.Value, answer)
			require.Zero(t, score.ReciprocalRank(), answer)
		}
	}
	once, five := s.Score(questions[0], asthmaAnswer, questions[1:]), s.Score(questions[0], strings.Repeat(asthmaAnswer+" ", 5), questions[1:])
	require.InDelta(t, once.Value, five.Value, 1e-9)
}

func TestFormsOfAWordMeet(t *testing.T) {
	for _, pair := range [][2]string{{"treated", "treatment"}, {"infectious", "infections"}, {"anaemia", "anemia"}, {"diarrhoea", "diarrhea"}, {"vaccine", "vaccines"}, {"oedema", "edema"}} {
		require.Equal(t, stem(pair[0]), stem(pair[1]), pair)
	}
	require.NotEqual(t, stem("heart"), stem("hearing"))
	require.Equal(t, "tia ii", initials(text.Parse("Transient ischaemic attack. It is")))
}

// By hand: the mean of e^-4 and e^-6 is e^-4 (1 + e^-2) / 2, its logarithm -4.566; the gain over 2 tokens is
// (-2 + 4.566) / 2.
func TestGainIsTheLogLikelihoodOverTheMeanOfOthers(t *testing.T) {
	gain, err := Gain(-2, []float64{-4, -6}, 2)
	require.NoError(t, err)
	require.InDelta(t, (-2+4-math.Log((1+math.Exp(-2))/2))/2, gain, 1e-12)
	require.InDelta(t, 1.2831, gain, 1e-4)
	for _, bad := range []func() (float64, error){
		func() (float64, error) { return Gain(-2, nil, 2) },
		func() (float64, error) { return Gain(-2, []float64{-1}, 0) },
		func() (float64, error) { return Gain(math.NaN(), []float64{-1}, 1) },
		func() (float64, error) { return Gain(-2, []float64{math.Inf(-1)}, 1) },
	} {
		_, err := bad()
		require.True(t, fault.Is(err, fault.Invalid))
	}
}
