package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/internal/setup"
	"elara/spec"
	"elara/storage/artifact"
)

// finished is the end of a run whose figures can be checked by hand.
func finished() spec.PipelineResult {
	return spec.PipelineResult{
		Run:       "demo-1",
		Adapters:  []spec.AdapterResult{{Adapter: "general"}, {Adapter: "emergency"}},
		Evaluate:  spec.EvaluateResult{Scores: someScores()},
		Candidate: spec.ArtifactRef{Kind: spec.KindCandidate, Digest: digest("c")},
		Decision:  spec.Decision{Verdict: spec.Approved, Reviewer: "Person A", Reason: "answers checked"},
		Release:   spec.ReleaseResult{Channel: "demo", Current: digest("c"), Previous: digest("d")},
		Skipped:   []spec.SkippedStage{{Stage: "prepare/clean", Reason: "the sources have not changed"}},
	}
}

func TestDemoEndsWithWhatWasLearnt(t *testing.T) {
	report := demoReport{
		Result: finished(),
		Answers: []shownAnswer{
			{"general", answer{"What is a fever?", "A fever", "A fever is a body temperature that is higher than it normally is, mostly because the body fights an infection."}},
			{"emergency", answer{"When is it an emergency?", " ", "Call the local emergency number."}},
		},
		Adapters: "/state/adapters", UI: "http://127.0.0.1:8233/x", Curves: "/state/curves/demo-1/report.html", Took: 125 * time.Second,
		Peaks: []peak{{"stack", 50_000_000}, {"worker", 1_250_000_000}},
	}
	golden(t, "demo.golden", report.text(80))
}

func TestResultsSayWhatBecameOfTheRelease(t *testing.T) {
	rejected := finished()
	rejected.Decision.Verdict, rejected.Release, rejected.Skipped = spec.Rejected, spec.ReleaseResult{}, nil
	unchanged := finished()
	unchanged.Decision = spec.Decision{}
	unchanged.Release.Unchanged = "channel demo serves candidate cccccccccccc since Person A approved it"
	first := finished()
	first.Release.Previous = ""
	golden(t, "results.golden", resultText(rejected)+resultText(unchanged)+resultText(first))
}

func TestResultsSayWhichAdaptersLostRows(t *testing.T) {
	result := finished()
	require.NotContains(t, resultText(result), "Cut ")
	result.Adapters[1].Outcome.RowsDropped = 1204
	require.Contains(t, resultText(result), "\nCut        1,204 rows of emergency: max_length leaves them no token to learn from\n")
	require.NotContains(t, resultText(result), "Shortened ")
	result.Adapters[0].Outcome.RowsShortened, result.Adapters[0].Outcome.TokensCut = 3, 2050
	require.Contains(t, resultText(result), "\nShortened  3 rows of "+string(result.Adapters[0].Adapter)+": max_length cuts 2,050 tokens off their ends\n")
}

func TestTablesOfTheOtherVerbs(t *testing.T) {
	now := newClock().at
	runs := []runInfo{
		{Run: "b-2", Status: "running", Stage: "train", Base: "SmolLM2", Started: now.Add(-90 * time.Second)},
		{Run: "a-1", Status: "failed", Stage: "prepare", Base: "SmolLM2", Started: now.Add(-26 * time.Hour), Closed: now.Add(-25 * time.Hour)},
	}
	schedules := []scheduleInfo{
		{Pipeline: "night", Next: now.Add(time.Hour), LastRun: "night-2026-01-01"},
		{Pipeline: "week", Paused: true, Note: "new data", Next: now},
	}
	release := artifact.Release{Channel: "stable", Changes: []artifact.Change{
		{To: spec.ArtifactRef{Digest: digest("a")}, Decision: spec.Decision{Reviewer: "Person A", DecidedAt: now.Add(-time.Hour)}},
		{To: spec.ArtifactRef{Digest: digest("b")}, Decision: spec.Decision{Reviewer: "Person B", DecidedAt: now, Reason: "fewer omissions"}},
		{To: spec.ArtifactRef{Digest: digest("a")}, Decision: spec.Decision{Reviewer: "Person A", DecidedAt: now, Reason: "misses red flags"}, Back: true},
	}}
	manifest := artifact.Manifest{Kind: spec.KindAdapter, Inputs: []spec.Digest{digest("1")}, Meta: map[string]string{"b": "2", "a": "1"}}
	checks := []setup.Check{
		{Name: "go", OK: true, Found: "1.26.8", Expected: "1.26", Remedy: "unused"},
		{Name: "temporal", Found: "nothing", Expected: "1.9 or newer", Remedy: "run make setup"},
	}
	details := runDetails{runInfo: runs[1], UI: "http://127.0.0.1:8233/x", Curves: "/state/curves/demo-1/report.html", Failure: "no rows", Pipeline: views()["done"].Status}
	golden(t, "tables.golden", runTable(runs, now)+"\n"+detailsText(details, now)+"\n"+scheduleTable(schedules)+"\n"+
		historyText(release)+"\n"+manifestText(digest("f"), manifest)+"\n"+checksText(checks))
}

func TestAReasonOfManyLinesIsOneLineOfTheHistory(t *testing.T) {
	release := artifact.Release{Channel: "stable", Changes: []artifact.Change{{Decision: spec.Decision{Reviewer: "Person A", Reason: "misses\r\nred flags\n"}}}}
	require.Contains(t, historyText(release), "nothing    misses red flags\n")
}

func TestRunNamesFitWhatARunMayBeCalled(t *testing.T) {
	a := &app{now: newClock().now}
	require.Equal(t, spec.RunID("demo-20260102-030405"), a.runID("demo"))
	require.Equal(t, spec.RunID("ward-4-b-20260102-030405"), a.runID("Ward 4 / B"))
	long := a.runID("a0123456789012345678901234567890123456789012345678901234567")
	require.NoError(t, long.Check())
	require.Len(t, long, 64)
}

func TestHighWaterIsReadFromTheKernelsText(t *testing.T) {
	require.Equal(t, int64(12345*1024), highWater("Name:\tx\nVmPeak:\t 99999 kB\nVmHWM:\t   12345 kB\n"))
	require.Zero(t, highWater("Name:\tkernel thread\n"))
}
