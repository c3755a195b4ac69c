package judge_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/rewards/judge"
	"elara/spec"
	"elara/spec/fault"
)

const secret = "sk-very-secret"

// completion is a server that replies to what it is shown.
func completion(t *testing.T, reply func(prompt string) (status int, text string)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Model    string
			Messages []struct{ Role, Content string }
		}
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+secret || json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Model != "m" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		status, text := reply(asked.Messages[1].Content)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]string{"content": text}}}})
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1/"
}

func ask(t *testing.T, retries int, reply func(prompt string) (int, string)) (judge.Verdict, error) {
	t.Helper()
	client := judge.New(spec.JudgePlan{URL: completion(t, reply), Model: "m", MaxPairs: 1, Timeout: 0.5, Retries: retries}, secret)
	return client.Compare(t.Context(), judge.Pair{Question: "What is gout?", Reference: "Crystals.", Old: "A rash.", New: "Crystals in a joint."})
}

// right prefers the answer with crystals, wherever it stands.
func right(prompt string) (int, string) {
	if strings.Contains(prompt, "Answer A:\nCrystals") {
		return http.StatusOK, " **A**.\n"
	}
	return http.StatusOK, "Answer B"
}

func TestAVerdictIsOneThatDoesNotFollowTheOrder(t *testing.T) {
	for want, reply := range map[judge.Verdict]func(string) (int, string){
		judge.Better: right,
		judge.Worse: func(prompt string) (int, string) {
			_, text := right(prompt)
			return http.StatusOK, map[bool]string{true: "B", false: "A"}[strings.Contains(text, "A**")]
		},
		judge.Swayed: func(string) (int, string) { return http.StatusOK, "A" },
		judge.Same:   func(string) (int, string) { return http.StatusOK, "tie" },
		judge.Unread: func(string) (int, string) { return http.StatusOK, "A good question." },
	} {
		got, err := ask(t, 0, reply)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestTriesAreBoundedAndErrorsTellNothing(t *testing.T) {
	var tries atomic.Int32
	after := func(failures int32, status int) func(string) (int, string) {
		tries.Store(0)
		return func(prompt string) (int, string) {
			if tries.Add(1) <= failures {
				return status, prompt
			}
			return right(prompt)
		}
	}
	got, err := ask(t, 2, after(2, http.StatusServiceUnavailable))
	require.NoError(t, err)
	require.Equal(t, judge.Better, got)
	for status, test := range map[int]struct {
		kind  fault.Kind
		tries int32
	}{
		http.StatusTooManyRequests: {fault.Transient, 3}, http.StatusUnauthorized: {fault.Invalid, 1}, http.StatusTemporaryRedirect: {fault.Invalid, 1},
	} {
		_, err = ask(t, 2, after(100, status))
		require.True(t, fault.Is(err, test.kind), "%v", err)
		require.EqualValues(t, test.tries, tries.Load())
		for _, hidden := range []string{secret, "gout", "Crystals", "rash"} {
			require.NotContains(t, err.Error(), hidden)
		}
	}
}

func TestASlowJudgeIsNotWaitedFor(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	begin := time.Now()
	_, err := ask(t, 0, func(string) (int, string) { <-release; return http.StatusOK, "A" })
	require.True(t, fault.Is(err, fault.Transient), "%v", err)
	require.Less(t, time.Since(begin), 5*time.Second)
}

func TestSomethingElseThanACompletionIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"scores": []}`)) }))
	defer server.Close()
	_, err := judge.New(spec.JudgePlan{URL: server.URL, Model: "m", Timeout: 1}, "").Compare(t.Context(), judge.Pair{})
	require.ErrorContains(t, err, "answers something else than a chat completion")
}

// By hand. Of five pairs one is not read; the judge says better, better, worse and same, the metric better, worse, worse and same: they
// agree on 3 of 4. By chance: better 2/4 x 1/4, worse 1/4 x 2/4, same 1/4 x 1/4 = 5/16; kappa (3/4 - 5/16) / (11/16) = 7/11.
func TestAgreementIsCountedAgainstChance(t *testing.T) {
	verdicts := []judge.Verdict{judge.Better, judge.Better, judge.Worse, judge.Swayed, judge.Unread}
	a, isDefined := judge.Agree(spec.MetricTone, verdicts, []float64{0.1, -0.1, -2, 0, 1})
	require.True(t, isDefined)
	require.Equal(t, 4, a.Pairs)
	require.InDelta(t, 0.75, a.Agree.Value, 1e-12)
	require.InDelta(t, 7.0/11, *a.Kappa, 1e-12)

	a, _ = judge.Agree(spec.MetricTone, verdicts[:2], []float64{1, 1})
	require.Nil(t, a.Kappa, "both always say the same")
	_, isDefined = judge.Agree(spec.MetricTone, []judge.Verdict{judge.Unread}, []float64{1})
	require.False(t, isDefined)

	sum := judge.Sum(verdicts)
	require.Equal(t, []int{5, 2, 1, 0, 1, 1}, []int{sum.Pairs, sum.Better, sum.Worse, sum.Same, sum.Swayed, sum.Unread})
	require.InDelta(t, 2.0/3, sum.Preference.Value, 1e-12)
	require.Zero(t, judge.Sum(verdicts[3:]).Preference)
}
