package activities

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

func TestAJudgesOpinionStandsBesideTheMetrics(t *testing.T) {
	r := newRoom(t)
	evaluated, score := gateTarget(t, r, 250)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		letter := []string{"A", "B"}[asked%2] // B, then A: the adapter in both orders
		_, _ = w.Write([]byte(`{"choices": [{"message": {"content": "` + letter + `"}}]}`))
	}))
	defer server.Close()
	t.Setenv("JUDGE_TOKEN", "")
	in := spec.JudgeInput{
		Run: "run-1", Target: "patient", Report: score.Report,
		Plan: spec.JudgePlan{URL: server.URL, Model: "large", TokenVariable: "JUDGE_TOKEN", MaxPairs: 5, Timeout: 5},
	}
	missing := do(t, r, r.control.AskJudge, in)
	require.Equal(t, spec.JudgeResult{Model: "large", Missing: "the worker's environment has no JUDGE_TOKEN"}, missing)
	t.Setenv("JUDGE_TOKEN", "sk-secret")
	got := do(t, r, r.control.AskJudge, in)
	require.Equal(t, 10, asked, "five pairs in both orders")
	require.Equal(t, []int{5, 5, 0}, []int{got.Pairs, got.Better, got.Worse})
	require.NotEmpty(t, got.Agreement)
	again := do(t, r, r.control.AskJudge, in)
	require.NotEmpty(t, again.Unchanged)
	require.Equal(t, 10, asked)

	score.Judge = &got
	judged := gateInput(evaluated, score)
	result := do(t, r, r.control.JudgeCandidate, judged)
	const says = "of 5 pairs of answers, each in both orders, the adapter's was better in 5, worse in 0"
	require.Contains(t, r.read(t, result.Report, "cards/patient.md"), says)
	require.Contains(t, r.read(t, result.Report, "report.html"), "decides nothing")
	score.Judge = nil
	judged.Targets[0].Score = score
	require.Equal(t, result.Verdict, do(t, r, r.control.JudgeCandidate, judged).Verdict)
	score.Judge = &missing
	judged.Targets[0].Score = score
	require.Contains(t, r.read(t, do(t, r, r.control.JudgeCandidate, judged).Report, "cards/patient.md"), "Judge large gave no opinion: the worker's environment has no JUDGE_TOKEN.")
	plain := spec.ReportInput{Run: "run-1", Base: evaluated.Base, Scores: []spec.AdapterScore{score}}
	report := do(t, r, r.control.WriteReport, plain)
	plain.Scores[0].Judge = nil
	require.Equal(t, report, do(t, r, r.control.WriteReport, plain), "a candidate is the same whatever a judge says of it")

	server.Close()
	in.Plan.Model = "other"
	require.Contains(t, do(t, r, r.control.AskJudge, in).Missing, "pair 1 of 5: no reply")
}
