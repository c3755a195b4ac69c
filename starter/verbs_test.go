package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/checkpoint"
	"elara/storage/retention"
	"elara/workflows"
)

// The functions of this file are parts of TestTheWholeChainFromTheCommandLine: they ask the stack that it has started.

// unknownNames asks every verb about what is not there: bad input, in one line, whatever the verb.
func unknownNames(t *testing.T, state, run, file string) {
	nowhere := string(digest("e"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"approve", "nobody", "--as", "x", "--yes"}, `run "nobody" does not exist (elara status lists the runs)`},
		{[]string{"reject", "nobody", "--as", "x", "--yes"}, `run "nobody" does not exist`},
		{[]string{"cancel", "nobody"}, `run "nobody" does not exist`},
		{[]string{"status", "nobody"}, `run "nobody" does not exist`},
		{[]string{"watch", "nobody"}, `run "nobody" does not exist`},
		{[]string{"artifacts", "list", "nobody"}, `run "nobody" does not exist`},
		{[]string{"artifacts", "pull", "nobody", "patient", filepath.Join(state, "pulled")}, `run "nobody" does not exist`},
		{[]string{"artifacts", "pull", run, "nurse", filepath.Join(state, "pulled")}, `has no artifact "nurse" yet, it has [base general `},
		{[]string{"artifacts", "show", nowhere}, nowhere},
		{[]string{"artifacts", "show", nowhere[:12]}, "no artifact's digest begins with " + nowhere[:12]},
		{[]string{"release", "show", "nobody"}, `nothing was released or offered to channel "nobody" yet`},
		{[]string{"release", "history", "nobody"}, `nothing was released to channel "nobody" yet`},
		{[]string{"release", "promote", "nobody", "--as", "x", "--reason", "y", "--yes"}, `no candidate was offered to channel "nobody" yet`},
		{[]string{"release", "rollback", "nobody", "--as", "x", "--reason", "y", "--yes"}, `nothing was released to channel "nobody" yet`},
		{[]string{"artifacts", "lineage", nowhere}, nowhere[:12]},
		{[]string{"approve", "", "--as", "x", "--yes"}, "the name of the run is empty (see elara approve --help)"},
		{[]string{"cancel", ""}, "the name of the run is empty"},
		{[]string{"status", "--limit", "0"}, "--limit 0: expected 1 or more"},
		{[]string{"run", file, "--id", run}, "a run named " + run + " exists already"},
		{[]string{"cancel", run}, "run " + run + " is over (completed), there is nothing to cancel"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := elara(t, append(c.args, "--state", state)...)
			require.Equal(t, exitRefused, got.code, got.err)
			require.Contains(t, got.err, c.want)
			require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
			require.Empty(t, got.out)
		})
	}
}

// cancelledRun stops a training in the middle: what it had is saved, and the run says why it ended.
func cancelledRun(t *testing.T, state string) {
	file := pipelineFile(t, state, "endless")
	started := elara(t, "run", file, "--id", "endless-1", "--set", "defaults.training_args.max_steps=1000000",
		"--set", "defaults.segment_steps=1000000", "--detach", "--state", state)
	require.Equal(t, exitDone, started.code, started.err)
	there, err := stackTarget(state, configs.TelemetrySettings{})
	require.NoError(t, err)
	server, err := there.dial(t.Context())
	require.NoError(t, err)
	defer server.Close()
	look := observer{server: server}
	require.Eventually(t, func() bool { // before its first step a training has nothing to save
		training, err := look.activity(t.Context(), workflows.TrainID("endless-1", "patient"))
		require.NoError(t, err)
		return training.progress.Step > 0
	}, time.Minute, 200*time.Millisecond)

	stopped := elara(t, "cancel", "endless-1", "--reason", "wrong base model", "--state", state)
	require.Equal(t, exitDone, stopped.code, stopped.err)
	require.Equal(t, "endless-1 cancelled\n", stopped.out)
	require.Contains(t, stopped.err, "a training under way saves at its next step first")

	status := elara(t, "status", "endless-1", "--state", state)
	require.Equal(t, exitDone, status.code, status.err)
	require.Contains(t, status.out, "Status   cancelled, stage train\n")
	require.Contains(t, status.out, "Reason   wrong base model\n")
	watched := elara(t, "watch", "endless-1", "--state", state)
	require.Equal(t, exitFailed, watched.code)
	require.Contains(t, watched.err, "run endless-1 was cancelled at stage train")

	kept, err := checkpoint.List(t.Context(), storeOf(t, state), "endless-1", "patient")
	require.NoError(t, err)
	require.NotEmpty(t, kept, "it saved before it stopped")
	again := elara(t, "cancel", "endless-1", "--state", state)
	require.Equal(t, exitRefused, again.code)
	require.Contains(t, again.err, "run endless-1 is over (cancelled), there is nothing to cancel")
}

// takenBack releases something else to a channel and goes back in one command.
func takenBack(t *testing.T, state, channel string) {
	store := storeOf(t, state)
	before, err := artifact.Current(t.Context(), store, channel)
	require.NoError(t, err)
	old := before.Current().Digest
	none := elara(t, "release", "rollback", channel, "--as", "Person A", "--reason", "r", "--yes", "--state", state)
	require.Equal(t, exitRefused, none.code)
	require.Contains(t, none.err, "channel "+channel+" has served nothing before "+old.Short())

	newer, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{"candidate.json": []byte(`{"adapters": []}`)}, nil, nil)
	require.NoError(t, err)
	_, err = artifact.Flip(t.Context(), store, channel, old, artifact.Change{To: newer, Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: newer.Digest, Reviewer: "Person B", DecidedAt: time.Now().UTC(),
	}})
	require.NoError(t, err)

	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--as", "Person A", "--yes"}, "expected --reason WHY"},
		{[]string{"--reason", "r", "--yes"}, "expected --as NAME"},
		{[]string{"--as", "Person A", "--reason", "r"}, "expected --to DIGEST or --yes"},
		{[]string{"--to", string(digest("e")), "--as", "Person A", "--reason", "r"}, "no candidate of that digest was ever approved for channel " + channel},
		{[]string{"--to", newer.Digest.Short(), "--as", "Person A", "--reason", "r"}, "serves that candidate already"},
		{[]string{"--to", "1f0c", "--as", "Person A", "--reason", "r"}, "expected 64 hexadecimal digits, or the first 12 or more"},
	} {
		got := elara(t, append(append([]string{"release", "rollback", channel}, c.args...), "--state", state)...)
		require.Equal(t, exitRefused, got.code, got.err)
		require.Contains(t, got.err, c.want)
		require.Empty(t, got.out)
	}
	typo := elara(t, "release", "shwo", channel, "--state", state)
	require.Equal(t, exitRefused, typo.code)
	require.Contains(t, typo.err, `unknown command "shwo" for elara release, did you mean show?`)

	back := elaraTyping(t, []string{"misses red flags", "yes"}, "release", "rollback", channel, "--as", "Person A", "--state", state)
	require.Equal(t, exitDone, back.code, back.err)
	require.Equal(t, "channel "+channel+" points to "+old.Short()+" again, before it was "+newer.Digest.Short()+"\n", back.out)
	require.Contains(t, back.err, "4 adapters have answered the smoke question\n")

	shown := elara(t, "release", "history", channel, "--state", state)
	require.Contains(t, shown.out, "serves candidate "+string(old))
	require.Regexp(t, `Person A  back to  `+old.Short()+`  misses red flags\n`, shown.out)

	forth := elara(t, "release", "rollback", channel, "--to", string(newer.Digest), "--as", "Person B", "--reason", "it was the tokenizer", "--json", "--state", state)
	require.Equal(t, exitDone, forth.code, forth.err)
	var result spec.ReleaseResult
	require.NoError(t, json.Unmarshal([]byte(forth.out), &result))
	require.Equal(t, spec.ReleaseResult{
		Channel: channel, Current: newer.Digest, Previous: old, Key: "releases/" + channel + ".json",
		Unchecked: "candidate " + newer.Digest.Short() + " was released without a release.smoke_question",
	}, result)
}

// prunes clears away one blob that nothing refers to, and nothing else, though the rest is as old.
func prunes(t *testing.T, state, run string) {
	orphan, err := cas.PutBytes(t.Context(), storeOf(t, state), []byte("nothing refers to this"))
	require.NoError(t, err)
	held := func() bool {
		there, err := storage.Exists(t.Context(), storeOf(t, state), cas.Key(orphan.Digest))
		require.NoError(t, err)
		return there
	}
	prune := func(args ...string) retention.Result {
		t.Helper()
		got := elara(t, append([]string{"artifacts", "prune", "--grace", "48h", "--json", "--state", state}, args...)...)
		require.Equal(t, exitDone, got.code, got.err)
		var result retention.Result
		require.NoError(t, json.Unmarshal([]byte(got.out), &result))
		return result
	}
	require.Empty(t, prune("--dry-run=false").Blobs, "all of it is young")

	// Only the runs' own records say what is needed now: every object is made older than the grace period.
	old := time.Now().Add(-60 * 24 * time.Hour)
	require.NoError(t, filepath.WalkDir(filepath.Join(state, "objects"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	}))
	dry := elara(t, "artifacts", "prune", "--grace", "48h", "--state", state)
	require.Equal(t, exitDone, dry.code, dry.err)
	require.Contains(t, dry.out, cas.Key(orphan.Digest)+"\n")
	require.Contains(t, dry.err, "nothing was removed; elara artifacts prune --dry-run=false does it")
	require.True(t, held())

	done := prune("--dry-run=false")
	require.Equal(t, dry.out, done.Lines())
	require.False(t, held())
	pulled := filepath.Join(t.TempDir(), "pulled")
	again := elara(t, "artifacts", "pull", run, "doctor", pulled, "--state", state)
	require.Equal(t, exitDone, again.code, again.err)
	// Nobody approved what this run made; it is kept because the run ended lately.
	for _, name := range []string{"patient", "candidate", "report"} {
		unreleased := elara(t, "artifacts", "pull", "hand-1", name, filepath.Join(t.TempDir(), "pulled"), "--state", state)
		require.Equal(t, exitDone, unreleased.code, unreleased.err)
	}

	short := elara(t, "artifacts", "prune", "--grace", "1h", "--state", state)
	require.Equal(t, exitRefused, short.code)
	require.Contains(t, short.err, "expected at least 48h0m0s")
}

// storeOf opens the object store of the running stack.
func storeOf(t *testing.T, state string) storage.Store {
	t.Helper()
	there, err := stackTarget(state, configs.TelemetrySettings{})
	require.NoError(t, err)
	store, err := there.store(t.Context())
	require.NoError(t, err)
	return store
}
