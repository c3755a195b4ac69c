package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/internal/setup"
	"elara/spec"
	"elara/storage/artifact"
)

// said is what one command line gave.
type said struct {
	code     int
	out, err string
}

// elara runs one command line as a program would, with nobody at the terminal.
func elara(t *testing.T, args ...string) said {
	t.Helper()
	return elaraTyping(t, nil, args...)
}

// elaraTyping is elara with somebody at the terminal who types these lines; nil means nobody.
func elaraTyping(t *testing.T, typed []string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute) // clean-ups run commands, too
	defer cancel()
	var out, errs bytes.Buffer
	a := &app{
		in: strings.NewReader(strings.Join(typed, "\n")), out: &out, err: &errs, inTerminal: typed != nil,
		width: func() int { return 100 }, now: time.Now, getenv: os.Getenv,
	}
	code := execute(ctx, a, args)
	return said{code: code, out: out.String(), err: errs.String()}
}

// plainEnvironment takes away what would point the command elsewhere.
func plainEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"ELARA_CONFIG", "ELARA_TEMPORAL_ADDRESS", "CI"} {
		t.Setenv(name, "")
	}
}

func TestBadCommandLinesCostOneLineAndExitCode2(t *testing.T) {
	plainEnvironment(t)
	state := t.TempDir()
	file := filepath.Join(state, "file")
	require.NoError(t, os.WriteFile(file, []byte("name: x\nbse:\n  path: y\n"), 0o600))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"upp"}, `unknown command "upp" for elara, did you mean up?`},
		{[]string{"schedule", "tigger"}, `unknown command "tigger" for elara schedule, did you mean trigger?`},
		{[]string{"run"}, "accepts 1 arg(s), received 0 (see elara run --help)"},
		{[]string{"watch", "--evry", "1s"}, "unknown flag: --evry (see elara watch --help)"},
		{[]string{"watch", "--every", "soon"}, `invalid argument "soon"`},
		{[]string{"run", filepath.Join(state, "missing.yaml")}, "missing.yaml: "},
		{[]string{"run", file}, file + ":2: "},
		{[]string{"run", file, "--set", "name"}, "--set name: expected key.path=value"},
		{[]string{"run", file, "--set", "name=a", "--set", "name=b"}, "--set name: expected each key once"},
		{[]string{"run", pipelineFile(t, state, "p"), "--set", "prepare.sources=rows.csv"}, "override prepare.sources: expected a list of blocks in one line, such as [{path: …}, {path: …}]; found rows.csv"},
		{[]string{"demo"}, "expected --approve-as NAME or CI=true"},
		{[]string{"demo", "--approve-as", "x", "--base", filepath.Join(state, "no-model")}, "no-model: cannot be opened: no such file or directory; expected smollm2, tiny or the path of a model"},
		{[]string{"demo", "--approve-as", "x", "--base", state, "--data", file}, "is a file, expected a folder of CSV files"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := elara(t, append(c.args, "--state", state)...)
			require.Equal(t, exitRefused, got.code, got.err)
			require.Contains(t, got.err, "elara: ")
			require.Contains(t, got.err, c.want)
			require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
			require.Empty(t, got.out)
		})
	}
}

func TestWithoutAStackTheVerbsSayHowToStartOne(t *testing.T) {
	plainEnvironment(t)
	for _, verb := range [][]string{{"status"}, {"watch"}, {"approve", "x", "--as", "y"}, {"schedule", "list"}, {"artifacts", "list", "x"}, {"release", "show", "x"}, {"down"}} {
		got := elara(t, append(verb, "--state", t.TempDir())...)
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.err, "start one with elara up --detach")
	}
}

func TestHelpOfEveryVerbHasAnExample(t *testing.T) {
	for _, verb := range newRoot(&app{}).Commands() {
		require.NotEmpty(t, verb.Example, verb.Name())
		for _, sub := range verb.Commands() {
			require.NotEmpty(t, sub.Example, verb.Name()+" "+sub.Name())
		}
	}
}

// stackFolder is the state of a real stack whose worker is this test on an engine that only counts; the stack is ended after it.
func stackFolder(t *testing.T) string {
	t.Helper()
	if _, err := setup.Temporal(t.Context()); err != nil {
		t.Skipf("needs Temporal's command line: %v", err)
	}
	plainEnvironment(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(playVariable, "yes")
	t.Setenv("ELARA_WORKER", self)
	t.Setenv(muteVariable, filepath.Join(t.TempDir(), "mute"))
	state := filepath.Join(t.TempDir(), "state")
	t.Cleanup(func() {
		if got := elara(t, "down", "--state", state); got.code != exitDone {
			t.Errorf("down: %s", got.err)
		}
	})
	return state
}

// TestTheWholeChainFromTheCommandLine runs the demo and then asks every verb about it: real Temporal, gateway,
// workflows and activities, on an engine that only counts.
func TestTheWholeChainFromTheCommandLine(t *testing.T) {
	state := stackFolder(t)

	demo := elara(t, "demo", "--base", "tiny", "--approve-as", "Person A", "--state", state)
	require.Equal(t, exitDone, demo.code, demo.err)
	require.Contains(t, demo.err, "approving candidate")
	require.Contains(t, demo.err, "as --approve-as says, without asking")
	require.Contains(t, demo.out, "general          10      2.0000   1.0000  -50.0 %              7.39     2.72\n")
	require.Contains(t, demo.out, "DOCTOR: What causes iron deficiency anemia, and how is it diagnosed?\n  before\n    before 2\n  after\n    after 2\n")
	require.Contains(t, demo.out, state+"/adapters/emergency\n")
	require.Contains(t, demo.out, "/namespaces/elara/workflows/pipeline.demo-tiny-")
	require.Regexp(t, `Took \d+s, peak memory [\d.]+ MB \(stack [\d.]+ MB, temporal [\d.]+ MB, worker [\d.]+ MB, desk [\d.]+ MB\)`, demo.out)
	config, err := os.ReadFile(filepath.Join(state, "adapters", "patient", "adapter_config.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"r":16}`, string(config))

	var runs []runInfo
	require.NoError(t, json.Unmarshal([]byte(elara(t, "status", "--json", "--state", state).out), &runs))
	require.Len(t, runs, 1)
	run := string(runs[0].Run)
	require.Equal(t, runInfo{
		Run: runs[0].Run, WorkflowID: "pipeline." + run, RunID: runs[0].RunID, Status: "completed", Stage: spec.StageDone,
		Base: "tiny-model", Started: runs[0].Started, Closed: runs[0].Closed,
	}, runs[0])

	details := elara(t, "status", run, "--state", state)
	require.Equal(t, exitDone, details.code, details.err)
	require.Contains(t, details.out, "Decision   approved by Person A\n")

	var last view
	require.NoError(t, json.Unmarshal([]byte(elara(t, "watch", run, "--json", "--state", state).out), &last))
	require.True(t, last.Adapters[1].Done)
	require.Equal(t, spec.Progress{Stage: spec.StageTrain, Adapter: "patient", Step: 12, TotalSteps: 12, Loss: 4.0 / 12, CheckpointStep: 12}, last.Adapters[1].Progress)

	again := elara(t, "approve", run, "--as", "Person A", "--yes", "--state", state)
	require.Equal(t, exitRefused, again.code)
	require.Contains(t, again.err, "run "+run+" is over (completed), its candidate was approved by Person A")

	var release artifact.Release
	require.NoError(t, json.Unmarshal([]byte(elara(t, "release", "history", "demo-tiny", "--json", "--state", state).out), &release))
	require.Len(t, release.Changes, 1)
	require.Equal(t, "Person A", release.Changes[0].Decision.Reviewer)

	var made []namedArtifact
	require.NoError(t, json.Unmarshal([]byte(elara(t, "artifacts", "list", run, "--json", "--state", state).out), &made))
	var names []string
	for _, named := range made {
		names = append(names, named.Name)
	}
	require.Equal(t, []string{"base", "general", "patient", "doctor", "emergency", "general/answers", "patient/answers",
		"doctor/answers", "emergency/answers", "report", "candidate", "gates"}, names)
	shown := elara(t, "artifacts", "show", made[1].Digest.Short(), "--state", state)
	require.Equal(t, exitDone, shown.code, shown.err)
	require.Contains(t, shown.out, string(made[1].Digest))
	require.Contains(t, shown.out, "adapter_config.json")

	measured := made[5].Digest.Short()
	same := elara(t, "compare", measured, measured, "--state", state)
	require.Equal(t, exitDone, same.code, same.err)

	pulled := filepath.Join(t.TempDir(), "pulled")
	require.Equal(t, exitDone, elara(t, "artifacts", "pull", run, "doctor", pulled, "--state", state).code)
	require.FileExists(t, filepath.Join(pulled, "adapter_config.json"))
	refused := elara(t, "artifacts", "pull", run, "doctor", pulled, "--state", state)
	require.Equal(t, exitRefused, refused.code)
	require.Contains(t, refused.err, "is not empty")

	doctor := elara(t, "doctor", "--state", state)
	require.Contains(t, doctor.out, "✓  device worker    1 on the queue elara-train-cpu\n")
	t.Run("a worker's device picks the queue that doctor looks at", func(t *testing.T) {
		t.Setenv("ELARA_WORKER_DEVICE", "cuda:1")
		require.Contains(t, elara(t, "doctor", "--state", state).out, "✗  device worker    0 on the queue elara-train-cuda\n")
	})
	require.Regexp(t, `✓  object store     http://127.0.0.1:\d+, bucket elara, conditional writes hold`, doctor.out)

	t.Run("a second run of the same", func(t *testing.T) { secondRun(t, state) })
	t.Run("names that nothing has", func(t *testing.T) { unknownNames(t, state, run, pipelineFile(t, state, "unknown")) })
	t.Run("a run that is decided by hand", func(t *testing.T) { decidedByHand(t, state) })
	t.Run("a run that is cancelled", func(t *testing.T) { cancelledRun(t, state) })
	t.Run("what was served, over time", func(t *testing.T) { driftShown(t, state, "demo-tiny") })
	t.Run("a release that is taken back", func(t *testing.T) { takenBack(t, state, "demo-tiny") })
	t.Run("a channel that moved while a run waited", func(t *testing.T) { promoted(t, state) })
	t.Run("a smoke check that nobody takes", func(t *testing.T) { nobodyTakesTheCheck(t, state) })
	t.Run("where an adapter comes from, and a source that is withdrawn", func(t *testing.T) { withdrawnSource(t, state) })
	t.Run("what nothing needs any more", func(t *testing.T) { prunes(t, state, run) })
	t.Run("data that cannot be read", func(t *testing.T) { badData(t, state) })
	t.Run("schedules", func(t *testing.T) { schedules(t, state) })
}

// pipelineFile writes the demo's pipeline as a file, with another number of steps.
func pipelineFile(t *testing.T, state, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".yaml")
	require.NoError(t, os.WriteFile(path, []byte(`name: `+name+`
base:
  path: `+state+`/demo/tiny-model
prepare:
  sources:
    - path: `+state+`/demo/data/qa.csv
defaults:
  segment_steps: 3
  training_args:
    max_steps: 7
adapters:
  - name: patient
    preset: patient
evaluate:
  questions: ["When is a fever an emergency?"]
release:
  channel: `+name+`
`), 0o600))
	return path
}

func secondRun(t *testing.T, state string) {
	demo := elara(t, "demo", "--base", "tiny", "--approve-as", "Person A", "--state", state)
	require.Equal(t, exitDone, demo.code, demo.err)
	require.Contains(t, demo.err, "using the stack that runs")
	require.Contains(t, demo.out, "Nothing to do in:\n  prepare/clean: ")
	require.Contains(t, demo.out, "  train/emergency: ")
	require.NotContains(t, demo.err, "approving", "what a person has approved is not asked again")
}

func decidedByHand(t *testing.T, state string) {
	file := pipelineFile(t, state, "by-hand")
	run := elara(t, "run", file, "--id", "hand-1", "--every", "1ms", "--state", state,
		"--set", "prepare.sources=[{path: "+state+"/demo/data/qa.csv, audience_column: audience}]")
	require.Equal(t, exitDone, run.code, run.err)
	require.Contains(t, run.err, "run hand-1 has started\n")
	require.Contains(t, run.out, "approval: candidate ")
	require.Contains(t, run.out, "Decide with   elara approve hand-1 --as NAME")

	taken := elara(t, "run", file, "--id", "hand-1", "--state", state)
	require.Equal(t, exitRefused, taken.code)
	require.Contains(t, taken.err, "a run named hand-1 exists already")

	other := elara(t, "approve", "hand-1", "--as", "Person A", "--digest", string(digest("e")), "--state", state)
	require.Equal(t, exitRefused, other.code)
	require.Contains(t, other.err, "--digest "+string(digest("e"))+": the candidate is ")

	nobody := elara(t, "approve", "hand-1", "--as", "Person A", "--state", state)
	require.Equal(t, exitRefused, nobody.code)
	require.Contains(t, nobody.err, "expected --digest or --yes")

	unsure := elaraTyping(t, []string{"n"}, "approve", "hand-1", "--as", "Person A", "--state", state)
	require.Equal(t, exitFailed, unsure.code)
	require.Contains(t, unsure.err, "nothing was decided")

	rejected := elaraTyping(t, []string{"Person A", "yes"}, "reject", "hand-1", "--reason", "too short", "--state", state)
	require.Equal(t, exitDone, rejected.code, rejected.err)
	require.Contains(t, rejected.err, "Your name:")
	require.Contains(t, rejected.out, ": rejected by Person A, ")

	watched := elara(t, "watch", "hand-1", "--state", state)
	require.Equal(t, exitDone, watched.code, watched.err)
	require.Contains(t, watched.out, "Decision   rejected by Person A\nReason     too short\nRelease    nothing was released\n")
	require.Equal(t, exitRefused, elara(t, "release", "history", "by-hand", "--state", state).code)
}

func badData(t *testing.T, state string) {
	for name, c := range map[string]struct{ text, want string }{
		"no question":    {"q,answer\na,b\n", `data.csv:1: no column "question"`},
		"unclosed quote": {"question,answer\na,b\n\"c,d\n", "data.csv:3: quote opened here is never closed"},
	} {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "data.csv"), []byte(c.text), 0o600))
		got := elara(t, "demo", "--base", "tiny", "--approve-as", "Person A", "--data", folder, "--state", state)
		require.Equal(t, exitRefused, got.code, name)
		lines := strings.Split(strings.TrimSpace(got.err), "\n")
		require.Contains(t, lines[len(lines)-1], folder+"/"+c.want, name)
	}
}

func schedules(t *testing.T, state string) {
	file := pipelineFile(t, state, "by-clock")
	none := elara(t, "schedule", "create", file, "--state", state)
	require.Equal(t, exitRefused, none.code)
	require.Contains(t, none.err, file+": schedule: expected a block with cron or every, or --cron or --every")

	created := elara(t, "schedule", "create", file, "--cron", "30 2 * * mon", "--paused", "--state", state)
	require.Equal(t, exitDone, created.code, created.err)
	twice := elara(t, "schedule", "create", file, "--every", "24h", "--state", state)
	require.Equal(t, exitRefused, twice.code)
	require.Contains(t, twice.err, "elara schedule delete by-clock removes it")

	list := func() []scheduleInfo {
		var found []scheduleInfo
		require.NoError(t, json.Unmarshal([]byte(elara(t, "schedule", "list", "--json", "--state", state).out), &found))
		return found
	}
	require.Eventually(t, func() bool { found := list(); return len(found) == 1 && found[0].Paused }, time.Minute, 200*time.Millisecond)
	require.Equal(t, exitDone, elara(t, "schedule", "unpause", "by-clock", "--state", state).code)
	require.Equal(t, exitDone, elara(t, "schedule", "trigger", "by-clock", "--state", state).code)
	require.Eventually(t, func() bool {
		found := list()
		return len(found) == 1 && !found[0].Paused && found[0].Next.Weekday() == time.Monday &&
			found[0].Next.Hour() == 2 && strings.HasPrefix(string(found[0].LastRun), "by-clock-")
	}, time.Minute, 200*time.Millisecond)

	run := string(list()[0].LastRun)
	watched := elara(t, "watch", run, "--state", state)
	require.Equal(t, exitDone, watched.code, watched.err)
	require.Contains(t, watched.out, "Decide with   elara approve "+run+" --as NAME")
	approved := elara(t, "approve", run, "--as", "Person A", "--yes", "--json", "--state", state)
	require.Equal(t, exitDone, approved.code, approved.err)
	var decision spec.Decision
	require.NoError(t, json.Unmarshal([]byte(approved.out), &decision))
	require.Equal(t, spec.Approved, decision.Verdict)

	require.Equal(t, exitDone, elara(t, "schedule", "delete", "by-clock", "--state", state).code)
	gone := elara(t, "schedule", "pause", "by-clock", "--state", state)
	require.Equal(t, exitRefused, gone.code)
	require.Contains(t, gone.err, "pipeline by-clock has no schedule")
}
