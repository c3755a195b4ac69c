//go:build torch

package recipes

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/rewards"
	"elara/spec"
	"elara/spec/fault"
)

// clinic is a scorer behind HTTP that counts the letter "a"; it keeps what it was asked.
func clinic(t *testing.T) (url string, asked *[]rewards.Answer) {
	t.Helper()
	asked = &[]rewards.Answer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question struct{ Answers []rewards.Answer }
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			t.Error(err)
		}
		*asked = append(*asked, question.Answers...)
		var said struct {
			Scores []float64 `json:"scores"`
		}
		for _, a := range question.Answers {
			said.Scores = append(said.Scores, float64(strings.Count(a.Text, "a")))
		}
		if err := json.NewEncoder(w).Encode(said); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestScorersAreAddedToTheRewardModelsWord(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 1)
	url, asked := clinic(t)
	job.Scorers = []spec.Scorer{
		{Name: "model", Kind: spec.ScorerReward, Weight: 2}, {Name: "brief", Kind: spec.ScorerLength, Weight: 3, Words: 2},
		{Name: "clinic", Kind: spec.ScorerHTTP, Weight: -0.5, URL: url},
	}
	o := &recorder{}
	_, err := r.TrainPPO(t.Context(), job, count(1), nil, o) // "b"
	require.NoError(t, err)
	require.Len(t, *asked, 32)
	prompts, as, bs := map[string]int{}, 0.0, 0.0
	for _, a := range *asked {
		prompts[a.Prompt]++
		as += float64(strings.Count(a.Text, "a")) / 32
		bs += float64(strings.Count(a.Text, "b")) / 32
	}
	require.Equal(t, map[string]int{"abcd": 4, "bcdef": 4, "cd": 4, "defgh": 4, "efg": 4, "fghijk": 4, "ghi": 4, "hijka": 4}, prompts)
	require.Positive(t, as)
	m := o.progress[0].Metrics
	require.InDelta(t, bs, m["scorers/model"], 1e-12)
	require.InDelta(t, -0.5, m["scorers/brief"], 1e-12, "one word, half of what is asked for")
	require.InDelta(t, as, m["scorers/clinic"], 1e-12)
	require.InDelta(t, 2*bs-3*0.5-0.5*as, m["objective/scores"], 1e-12)
}

// The reward model takes part with its score less its center, and a scorer is asked the user's question, not the template.
func TestScorersAreAskedTheQuestion(t *testing.T) {
	url, asked := clinic(t)
	s, err := newScorers([]spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}, {Name: "clinic", Kind: spec.ScorerHTTP, Weight: 10, URL: url}}, true, 0.25)
	require.NoError(t, err)
	words := map[int32]string{1: "<|system|>\nBe kind.\n<|user|>\nWhat is gout?\n<|assistant|>\n", 2: "Crystals, again and again.", 3: "no template"}
	text := func(ids []int32) string { return words[ids[0]] }
	episodes := []*episode{newEpisode([]int32{1}, []int32{2}, true), newEpisode([]int32{3}, []int32{3}, true)}
	episodes[0].score, episodes[1].score = 1, -1
	require.NoError(t, s.score(t.Context(), episodes, text))
	require.Equal(t, []rewards.Answer{{Prompt: "What is gout?", Text: words[2]}, {Prompt: "no template", Text: words[3]}}, *asked)
	require.Equal(t, []float64{0.75 + 10*6, -1.25 + 10*1}, scoresOf(episodes))
	require.Equal(t, []float64{0.75, 6}, episodes[0].parts)
}

func TestScorersThatCannotScoreEndTheRun(t *testing.T) {
	r := newRunner(t)
	base := toyModel(t, r)
	for want, c := range map[string]struct {
		list   []spec.Scorer
		reward Reward
		kind   fault.Kind
	}{
		`scorer "model": there is no reward model`: {[]spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}}, nil, fault.Invalid},
		"weight is 0": {[]spec.Scorer{{Name: "model", Kind: spec.ScorerReward}}, count(1), fault.Invalid},
		`scorer "model": the score of answer 1 is NaN`: {
			[]spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}}, each(func([]int32) float64 { return math.NaN() }), fault.Diverged,
		},
	} {
		job := ppoJob(t, base, 1)
		job.Scorers = c.list
		_, err := r.TrainPPO(t.Context(), job, c.reward, nil, &recorder{})
		require.ErrorContains(t, err, want)
		require.Equal(t, c.kind, fault.KindOf(err), want)
	}
	// Without a reward model scorers may judge alone.
	job := ppoJob(t, base, 1)
	job.Scorers = []spec.Scorer{{Name: "brief", Kind: spec.ScorerLength, Weight: 1, Words: 3}}
	o := &recorder{}
	_, err := r.TrainPPO(t.Context(), job, nil, nil, o)
	require.NoError(t, err)
	require.InDelta(t, -2.0/3, o.progress[0].Metrics["objective/scores"], 1e-12)
}
