package rewards

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

var answers = []Answer{
	{Prompt: "My son ate peanuts and now his lips swell and he cannot breathe.", Text: "Wait and see."},
	{Prompt: "What is gout?", Text: "Crystals of uric acid in a joint."},
}

func TestTheSumIsThatOfItsParts(t *testing.T) {
	mix, err := New([]spec.Scorer{
		{Name: "model", Kind: spec.ScorerReward, Weight: 1},
		{Name: "brief", Kind: spec.ScorerLength, Weight: 0.5, Words: 4},
		{Name: "safe", Kind: spec.ScorerSafety, Weight: 2, Rules: []string{"missed-emergency"}},
	}, &Known{0.25, 1})
	require.NoError(t, err)
	totals, parts, err := mix.Score(t.Context(), answers)
	require.NoError(t, err)
	require.Equal(t, map[string][]float64{"model": {0.25, 1}, "brief": {-0.25, -0.75}, "safe": {-1, 0}}, parts)
	require.Equal(t, []float64{0.25 - 0.125 - 2, 1 - 0.375}, totals)
}

func TestAScoreThatIsNoNumberEndsTheWork(t *testing.T) {
	mix, err := New([]spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}}, &Known{0, math.NaN()})
	require.NoError(t, err)
	_, _, err = mix.Score(t.Context(), answers)
	require.True(t, fault.Is(err, fault.Diverged))
	require.ErrorContains(t, err, `scorer "model": the score of answer 2 is NaN`)
	mix, err = New([]spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}}, &Known{0})
	require.NoError(t, err)
	_, _, err = mix.Score(t.Context(), answers)
	require.ErrorContains(t, err, `scorer "model": 1 scores for 2 answers`)
	_, err = New([]spec.Scorer{{Name: "model", Kind: spec.ScorerReward, Weight: 1}}, nil)
	require.ErrorContains(t, err, "there is no reward model")
}

// server answers each request by the next of some functions, and counts them.
func server(t *testing.T, replies ...http.HandlerFunc) (url string, asked *int) {
	t.Helper()
	asked = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		replies[min(*asked, len(replies))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// asking scores both answers by HTTP, with pauses that take no time.
func asking(t *testing.T, url string, retries int, timeout string) ([]float64, error) {
	t.Helper()
	r, err := newRemote(spec.Scorer{Name: "clinic", Kind: spec.ScorerHTTP, Weight: 1, URL: url, Retries: retries, Timeout: timeout})
	require.NoError(t, err)
	r.at.Pause = time.Microsecond
	return r.Score(t.Context(), answers)
}

func TestHTTPScorerSendsAnswersAndTriesAgain(t *testing.T) {
	url, asked := server(t, status(503), status(429), func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Answers []Answer }
		if json.NewDecoder(r.Body).Decode(&body) == nil && len(body.Answers) == 2 && body.Answers[1] == answers[1] {
			says(`{"scores": [0.5, -1]}`)(w, r)
		}
	})
	scores, err := asking(t, url, 2, "")
	require.NoError(t, err)
	require.Equal(t, []float64{0.5, -1}, scores)
	require.Equal(t, 3, *asked)
}

func TestHTTPScorerGivesUpWhereItMust(t *testing.T) {
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		kind  fault.Kind
		tries int
		want  string
	}{
		"a server that is down": {status(500), fault.Transient, 3, "500 Internal Server Error"},
		"a refusal":             {status(403), fault.Invalid, 1, "403 Forbidden, expected 200"},
		"another address": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fault.Invalid, 1, "307"},
		"an answer beside the number": {func(w http.ResponseWriter, _ *http.Request) {
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = connection.Write([]byte("HTTP/1.1 422 peanuts are not allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
				_ = connection.Close()
			}
		}, fault.Invalid, 1, "422 Unprocessable Entity, expected 200"},
		"something else": {says("<html>"), fault.Invalid, 1, `something else than {"scores": [...]}`},
		"no number":      {says(`{"scores": [1, null]}`), fault.Diverged, 1, "the score of answer 2 is null"},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := server(t, c.reply)
			_, err := asking(t, url, 2, "")
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "peanuts")
			require.Equal(t, c.tries, *asked)
		})
	}
	t.Run("a server that does not answer in time", func(t *testing.T) {
		over := make(chan struct{})
		url, _ := server(t, func(http.ResponseWriter, *http.Request) { <-over })
		_, err := asking(t, url, 0, "20ms")
		close(over)
		require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	})
}

func TestBadScorersAreRefused(t *testing.T) {
	for want, bad := range map[string]spec.Scorer{
		"has no name": {Kind: spec.ScorerReward, Weight: 1},
		"weight is 0": {Name: "a", Kind: spec.ScorerReward},
		`kind "magic": expected reward, length, safety or http`: {Name: "a", Kind: "magic", Weight: 1},
		`words belongs to kind length, this is "reward"`:        {Name: "a", Kind: spec.ScorerReward, Weight: 1, Words: 3},
		"words is 0, expected at least 1":                       {Name: "a", Kind: spec.ScorerLength, Weight: 1},
		`rule "kindness": expected one of`:                      {Name: "a", Kind: spec.ScorerSafety, Weight: 1, Rules: []string{"kindness"}},
		"url: expected an http or https address":                {Name: "a", Kind: spec.ScorerHTTP, Weight: 1, URL: "file:///x"},
		`timeout "10": expected a time such as 10s`:             {Name: "a", Kind: spec.ScorerHTTP, Weight: 1, URL: "http://h", Timeout: "10"},
		"retries is 11, expected 0 to 10":                       {Name: "a", Kind: spec.ScorerHTTP, Weight: 1, URL: "http://h", Retries: 11},
		`a second scorer is called "good"`:                      {Name: "good", Kind: spec.ScorerLength, Weight: 1, Words: 4},
	} {
		at, err := Check([]spec.Scorer{{Name: "good", Kind: spec.ScorerReward, Weight: 1}, bad})
		require.True(t, fault.Is(err, fault.Invalid), want)
		require.ErrorContains(t, err, want)
		require.Equal(t, 1, at)
	}
	_, err := Check([]spec.Scorer{{Name: "a", Kind: spec.ScorerHTTP, Weight: 1, URL: "ftp://who:secret@h"}})
	require.NotContains(t, err.Error(), "secret")
}
