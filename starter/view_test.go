package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares text with a file that a person can review.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test -run %s -update writes it", t.Name())
	require.Equal(t, string(want), got)
}

func digest(c string) spec.Digest { return spec.Digest(strings.Repeat(c, 64)) }

// someScores are figures whose table can be checked by hand: exp(2.94) = 18.92, exp(1.64) = 5.16.
func someScores() []spec.AdapterScore {
	return []spec.AdapterScore{
		{Adapter: "general", Rows: 48, Tokens: 5120, BaseLoss: 2.94, AdapterLoss: 1.64, BasePPL: 18.9158, AdapterPPL: 5.1552, Report: spec.ArtifactRef{Kind: spec.KindReport, Digest: digest("7"), SizeBytes: 900}},
		{Adapter: "emergency", Rows: 1204, Tokens: 99, BaseLoss: 2, AdapterLoss: 2.1, BasePPL: 7.3891, AdapterPPL: 8.1662},
	}
}

func training() view {
	return view{
		Run: "demo-1", State: "running", Stage: spec.StageTrain, Elapsed: 133 * time.Second,
		Status: spec.PipelineStatus{
			Run: "demo-1", Name: "demo", Stage: spec.StageTrain, Base: spec.ArtifactRef{Digest: digest("b"), SizeBytes: 92871040},
			Skipped: []spec.SkippedStage{{Stage: "prepare/clean", Reason: "the sources have not changed"}},
		},
		Adapters: []adapterView{
			{Adapter: "general", TrainRows: 1604, EvalRows: 88, Done: true, Progress: spec.Progress{Step: 40, TotalSteps: 40, Loss: 1.6123, TokensPerSecond: 455.4}},
			{Adapter: "patient", TrainRows: 1200, EvalRows: 66, Left: 62 * time.Second, Progress: spec.Progress{Step: 9, TotalSteps: 40, Loss: 1.893, TokensPerSecond: 430}},
			{Adapter: "doctor", TrainRows: 900, EvalRows: 50, Trouble: "attempt 2, after: activity Heartbeat timeout", Progress: spec.Progress{Step: 20, TotalSteps: 40, Loss: 1.7}},
			{Adapter: "emergency", Unchanged: "adapter 0123456789ab was trained on the same data"},
			{Adapter: "fifth", Queued: true},
			{Adapter: "sixth", Queued: true, Left: time.Second, Progress: spec.Progress{Step: 1, TotalSteps: 4}},
			{Adapter: "other"},
		},
	}
}

func views() map[string]view {
	preparing := view{Run: "demo-1", State: "running", Stage: spec.StagePrepare, Elapsed: 2 * time.Second,
		Status: spec.PipelineStatus{Name: "demo"}, Now: spec.Progress{Stage: spec.StagePrepare, Step: 1200, TotalSteps: 3000}}
	evaluating := training()
	evaluating.Stage, evaluating.Adapters = spec.StageEvaluate, evaluating.Adapters[:1]
	evaluating.Now = spec.Progress{Stage: spec.StageEvaluate, Adapter: "general", Step: 12, TotalSteps: 48}
	awaiting := evaluating
	awaiting.Stage = spec.StageApproval
	awaiting.Status.Stage, awaiting.Status.Scores = spec.StageApproval, someScores()
	awaiting.Status.Candidate = spec.ArtifactRef{Kind: spec.KindCandidate, Digest: digest("c"), SizeBytes: 700}
	done := awaiting
	done.State, done.Stage = "completed", spec.StageDone
	done.Status.Decision = spec.Decision{Verdict: spec.Approved, Reviewer: "Person A"}
	failed := training()
	failed.State = "failed"
	silent := view{Run: "demo-1", State: "running", Stage: spec.StageTrain, Elapsed: time.Minute, Trouble: "temporal does not answer"}
	return map[string]view{
		"preparing": preparing, "training": training(), "evaluating": evaluating,
		"awaiting": awaiting, "done": done, "failed": failed, "silent": silent,
	}
}

func TestViewsAsFrames(t *testing.T) {
	for name, v := range views() {
		t.Run(name, func(t *testing.T) {
			golden(t, "frame-"+name+".golden", strings.Join(v.frame(100), "\n")+"\n")
		})
	}
}

func TestFrameFitsANarrowTerminal(t *testing.T) {
	golden(t, "frame-narrow.golden", strings.Join(training().frame(60), "\n")+"\n")
}

func TestViewsAsPlainLines(t *testing.T) {
	var lines []string
	for _, name := range []string{"preparing", "training", "evaluating", "awaiting", "done", "failed", "silent"} {
		lines = append(lines, views()[name].plain())
	}
	golden(t, "plain.golden", strings.Join(lines, "\n")+"\n")
}

// clock is a hand-set time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func TestPipeGetsALineWhenTheStageChangesAndOtherwiseRarely(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	a := &app{out: &out, now: c.now, width: func() int { return 80 }}
	show := watcher{every: 10 * time.Second}.display(a)
	v := training()
	step := func(n int64) {
		v.Adapters[1].Progress.Step = n
		v.Elapsed += time.Second
		require.NoError(t, show(v))
	}
	count := func() int { return strings.Count(out.String(), "\n") }

	step(9)
	require.Equal(t, 1, count(), "the first view is always shown")
	c.pass(time.Second)
	step(10)
	require.Equal(t, 1, count(), "one second later is too early")
	c.pass(10 * time.Second)
	step(10)
	require.Equal(t, 2, count())
	c.pass(20 * time.Second)
	step(10)
	require.Equal(t, 2, count(), "nothing but the clock has moved")
	v.Stage = spec.StageEvaluate
	require.NoError(t, show(v))
	v.Stage = spec.StageApproval
	require.NoError(t, show(v))
	require.Equal(t, 4, count(), "a new stage is shown at once")
	require.NotContains(t, out.String(), "\x1b", "a pipe gets no control characters")
}

func TestTerminalGetsAFrameThatIsRedrawn(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	a := &app{out: &out, now: c.now, outTerminal: true, width: func() int { return 120 }, getenv: locale("de_DE.UTF-8")}
	show := watcher{every: time.Hour}.display(a)
	require.NoError(t, show(training()))
	require.NoError(t, show(training()))
	frame := strings.Join(training().frame(120), "\n") + "\n"
	require.Equal(t, frame+"\r\x1b[17A\x1b[J"+frame, out.String())
}

func TestJSONGivesOneObjectALineOnATerminalToo(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	a := &app{out: &out, now: c.now, outTerminal: true, width: func() int { return 100 }}
	show := watcher{json: true, every: time.Second}.display(a)
	require.NoError(t, show(training()))
	c.pass(time.Minute)
	v := training()
	v.Adapters[1].Progress.Step = 10
	require.NoError(t, show(v))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	var got view
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &got))
	v.Status = spec.PipelineStatus{} // not part of the data: elara status shows it
	require.Equal(t, v, got)
}

func locale(name string) func(string) string {
	return func(key string) string {
		if key == "LANG" {
			return name
		}
		return ""
	}
}

// coursed is a training whose losses have been seen for a while.
func coursed() view {
	v := training()
	v.Adapters = v.Adapters[:3]
	v.Adapters[0].Losses = []float64{3, 2.5, 2.2, 2, 1.9, 1.8, 1.7, 1.65, 1.6}
	v.Adapters[1].Losses = []float64{2, 1}
	v.Adapters[2].Losses = []float64{1.7}
	return v
}

func TestAdaptersShowTheCourseOfTheirLoss(t *testing.T) {
	golden(t, "frame-courses.golden", strings.Join(coursed().frame(120), "\n"))
	require.NotContains(t, strings.Join(coursed().frame(80), ""), "▁", "a narrow terminal keeps the figures")
}

func TestTerminalWithoutUTF8GetsASCII(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out, now: newClock().now, outTerminal: true, width: func() int { return 120 }, getenv: locale("de_DE.ISO-8859-1")}
	require.NoError(t, watcher{every: time.Hour}.display(a)(coursed()))
	golden(t, "frame-ascii.golden", out.String())
	for _, r := range out.String() {
		require.Less(t, r, rune(128), "%q", r)
	}
}

func TestCourseTakesUpEachLossOnce(t *testing.T) {
	courses := lossCourses{}
	look := func(p spec.Progress, done bool) []float64 {
		adapters := []adapterView{{Adapter: "doctor", Progress: p, Done: done}}
		courses.follow(adapters)
		return adapters[0].Losses
	}
	require.Empty(t, look(spec.Progress{}, false), "nothing is known")
	require.Equal(t, []float64{2}, look(spec.Progress{Step: 4, Loss: 2}, false))
	require.Equal(t, []float64{2}, look(spec.Progress{Step: 4, Loss: 2}, false), "the same step again")
	require.Equal(t, []float64{2, 1.5}, look(spec.Progress{Step: 7, Loss: 1.4, LoggedStep: 6, LoggedLoss: 1.5}, false), "a window's mean goes first")
	require.Equal(t, []float64{2, 1.5}, look(spec.Progress{Step: 5, Loss: 1.9}, false), "a step that is run again")
	require.Equal(t, []float64{2, 1.5}, look(spec.Progress{Step: 9, Loss: 1.8}, true), "the mean of a finished training")
}
