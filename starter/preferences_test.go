package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"elara/data/preference"
	"elara/data/trl"
	"elara/internal/connect"
	"elara/spec"
	"elara/starter/devstack"
	"elara/storage/artifact"
	"elara/workflows"
)

const threeLines = `{"id":"1","prompt":"Is a fever urgent?","response_a":"Not below 40 degrees.","response_b":"Always."}
{"id":"2","prompt":"What is asthma?","response_a":"A rash.","response_b":"A disease of the airways.","meta":{"adapter_b":"1f0c"}}
{"id":"3","prompt":[{"role":"user","content":"I cough."},{"role":"assistant","content":"Since when?"},{"role":"user","content":"Monday."}],"response_a":"Rest.","response_b":"Run."}
`

// TestPreferencesFromTheCommandLine plays a collection from its pairs to the file for TRL, on a real stack.
func TestPreferencesFromTheCommandLine(t *testing.T) {
	state := stackFolder(t)
	up := elara(t, "up", "--detach", "--state", state)
	require.Equal(t, exitDone, up.code, up.err)
	folder := t.TempDir()
	do := func(args ...string) said {
		t.Helper()
		got := elara(t, append(append([]string{"preferences"}, args...), "--state", state)...)
		require.Equal(t, exitDone, got.code, got.err)
		return got
	}
	refused := func(want string, args ...string) {
		t.Helper()
		got := elara(t, append(append([]string{"preferences"}, args...), "--state", state)...)
		require.Equal(t, exitRefused, got.code, got.err)
		require.Contains(t, got.err, want)
		require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
	}

	pairs := filepath.Join(folder, "pairs.jsonl")
	require.NoError(t, os.WriteFile(pairs, []byte(threeLines), 0o600))
	require.Contains(t, do("status").err, "there is no collection yet")
	started := do("start", pairs, "--id", "cough", "--per-pair", "2", "--deadline", "336h", "--reviewer", "Person A", "--reviewer", "Person B", "--reviewer", "ward 7")
	require.Equal(t, "cough\n", started.out)
	require.Contains(t, started.err, "collection cough has started: 3 pairs, 6 judgements wanted")
	refused("a collection named cough exists already", "start", pairs, "--id", "cough")

	repeated := judgeThem(t, do, refused)
	importSome(t, folder, do, refused)
	exportThem(t, folder, state, do, refused)
	require.NotContains(t, do(repeated...).out, `"reason"`, "of a collection that is over, too")
}

// shows asks for the next pair of a reviewer.
func shows(t *testing.T, do func(...string) said, reviewer string) shownPair {
	t.Helper()
	var shown shownPair
	require.NoError(t, json.Unmarshal([]byte(do("next", "cough", "--as", reviewer, "--json").out), &shown))
	return shown
}

// judgeThem lets Person A judge all pairs, for the answer that is not a silly one. It gives the last judgement, to say again.
func judgeThem(t *testing.T, do func(...string) said, refused func(string, ...string)) (repeated []string) {
	good := []string{"Not below 40 degrees.", "A disease of the airways.", "Rest."}
	seen := map[int]bool{}
	for range 3 {
		shown := shows(t, do, "Person A")
		seen[shown.Number] = true
		choice := "B"
		if shown.AnswerA == good[shown.Number-1] {
			choice = "A"
		}
		text := do("next", "cough", "--as", "Person A").out
		require.Contains(t, text, "\nA\n"+shown.AnswerA+"\n\nB\n"+shown.AnswerB+"\n")
		require.NotContains(t, text, "1f0c", "blind: nothing says where an answer comes from")
		said := do("judge", "cough", string(shown.Pair[:12]), choice, "--as", "Person A", "--reason", "because")
		require.Equal(t, fmt.Sprintf("pair %d, %s: %s by Person A\n", shown.Number, shown.Pair.Short(), choice), said.out)
		again := do("judge", "cough", string(shown.Pair), choice, "--as", "Person A", "--reason", "another", "--json")
		require.Contains(t, again.err, "Person A had said so before; that judgement stands, with the reason it was given then")
		require.NotContains(t, again.out, `"reason"`)
		repeated = []string{"judge", "cough", string(shown.Pair), choice, "--as", "Person A", "--json"}
		refused("Person A has judged pair", "judge", "cough", string(shown.Pair), "tie", "--as", "Person A")
	}
	require.Len(t, seen, 3)
	require.Contains(t, do("next", "cough", "--as", "Person A").err, "there is nothing left to judge for Person A")
	pair := string(shows(t, do, "Person B").Pair)
	refused("Dr. No is not among the reviewers of collection cough", "judge", "cough", pair, "A", "--as", "Dr. No")
	refused("Dr. No is not among the reviewers", "next", "cough", "--as", "Dr. No")
	refused(`choice "both": expected A, B, tie or both_bad`, "judge", "cough", pair, "both", "--as", "Person B")
	refused("no pair of the collection has a digest that begins with eeeeeeeeeeee", "judge", "cough", "eeeeeeeeeeee", "A", "--as", "Person B")
	refused("expected the digest that elara preferences next shows", "judge", "cough", "17", "A", "--as", "Person B")
	refused(`collection "fever" does not exist`, "judge", "fever", pair, "A", "--as", "Person B")
	refused("expected --as NAME", "next", "cough")
	return repeated
}

func importSome(t *testing.T, folder string, do func(...string) said, refused func(string, ...string)) {
	old := filepath.Join(folder, "old.parquet")
	require.NoError(t, trl.Write(old, trl.Plain, []trl.Decided{
		{Row: trl.Row{Prompt: preference.Prompt{Text: "What is asthma?"}, Chosen: "A disease of the airways.", Rejected: "A rash."}},
		{Row: trl.Row{Prompt: preference.Prompt{Text: "Is it contagious?"}, Chosen: "No.", Rejected: "Yes."}},
	}))
	var reports []spec.ImportReport
	got := do("import", "cough", old, "--as", "ward 7", "--json")
	require.Contains(t, got.err, "columns that are not read: [judgements pair votes]")
	require.NoError(t, json.Unmarshal([]byte(got.out), &reports))
	require.Len(t, reports, 1)
	require.Equal(t, []int{2, 2, 1, 1}, []int{reports[0].Rows, reports[0].Kept, reports[0].NewPairs, reports[0].Matched})
	require.Contains(t, do("import", "cough", old, "--as", "ward 7").err, "ward 7")

	bad := filepath.Join(folder, "bad.jsonl")
	require.NoError(t, os.WriteFile(bad, []byte(`{"prompt":"p","chosen":"c","rejected":"r"}`), 0o600))
	refused("ward 8 is not among the reviewers of collection cough", "import", "cough", bad, "--as", "ward 8", "--json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"prompt":"p","chosen":"c","rejected":"r"}`+"\n"+`{"prompt":"p","chosen":"r","rejected":"c"}`+"\n"), 0o600))
	refused("bad.jsonl:2: the same prompt with the same answers is on line 1", "import", "cough", bad, "--as", "ward 7")
	require.NoError(t, os.WriteFile(bad, []byte(`{"prompt":"p","chosen":"c","rejected":"c"}`), 0o600))
	refused("bad.jsonl:1: chosen and rejected are the same text", "import", "cough", bad, "--as", "ward 7")
	refused("--as: a judgement needs the reviewer's name", "import", "cough", old)
}

func exportThem(t *testing.T, folder, state string, do func(...string) said, refused func(string, ...string)) {
	// Person B finds both answers of the first pair bad: one against one decides nothing.
	first := do("status", "cough", "--json")
	var details collectionDetails
	require.NoError(t, json.Unmarshal([]byte(first.out), &details))
	require.Equal(t, int64(5), details.Judged)
	store := storeOf(t, state)
	all, err := pairsOf(t.Context(), store, details.Sets)
	require.NoError(t, err)
	require.Len(t, all, 4)
	do("judge", "cough", string(all[0].Digest()), "both_bad", "--as", "Person B")

	refused("which only a chat template makes one text of", "export", "cough", filepath.Join(folder, "out.jsonl"))
	out := filepath.Join(folder, "out.parquet")
	var summary exported
	require.NoError(t, json.Unmarshal([]byte(do("export", "cough", out, "--chat", "--json").out), &summary))
	require.Equal(t, 1, summary.Counts.Undecided)
	require.Equal(t, 3, summary.Rows)
	require.Equal(t, all[0].Digest(), summary.Undecided[0].Pair)
	chosen := map[string]string{}
	_, err = trl.Read(out, func(_ int, row trl.Row) error {
		messages := row.Prompt.Chat()
		chosen[messages[len(messages)-1].Content] = row.Chosen
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"What is asthma?": "A disease of the airways.", "Monday.": "Rest.", "Is it contagious?": "No."}, chosen)

	text := do("status", "cough").out
	require.Contains(t, text, "Judgements  6 of 8\nPairs       4, 2 complete\n")
	require.Contains(t, text, "Agreement   alpha ")
	require.Regexp(t, `Person A +3 +0 +0 +0 +\d +\d\n`, text)
	require.Contains(t, do("status").out, "cough       running  preferences\n")

	refused("expected --as NAME", "close", "cough")
	closed := do("close", "cough", "--as", "Person A", "--reason", "enough")
	require.Contains(t, closed.out, "collection cough: closed by Person A, ")
	require.Eventually(t, func() bool {
		require.NoError(t, json.Unmarshal([]byte(do("status", "cough", "--json").out), &details))
		return !details.Result.IsZero()
	}, time.Minute, 100*time.Millisecond)
	require.Contains(t, do("status", "cough").out, "State       closed by Person A\n")
	refused("collection cough ", "judge", "cough", string(all[3].Digest()), "A", "--as", "Person B")
	refused("collection cough ", "judge", "cough", string(all[0].Digest()), "tie", "--as", "Person B")
	again := do("judge", "cough", string(all[0].Digest()), "both_bad", "--as", "Person B")
	require.Contains(t, again.out, ": both_bad by Person B\n", "who had no answer to the last one asks again")
	require.Contains(t, again.err, "Person B had said so before; that judgement stands, with the reason it was given then")
	late := filepath.Join(folder, "late.jsonl")
	require.NoError(t, os.WriteFile(late, []byte(`{"prompt":"p","chosen":"c","rejected":"r"}`), 0o600))
	refused("collection cough is over: closed", "import", "cough", late, "--as", "ward 7")
	kept, err := artifact.ReadFile(t.Context(), store, details.Result, preference.JudgementsFile)
	require.NoError(t, err)
	require.Equal(t, 6, strings.Count(string(kept), "\n"))
	require.Equal(t, 3, strings.Count(string(kept), `"words":"because"`))
	do("export", "cough", out, "--chat")

	// Temporal may have forgotten a collection; the store has not.
	pointer, err := artifact.FindCollection(t.Context(), store, "cough")
	require.NoError(t, err)
	pointer.Run = "forgotten"
	require.NoError(t, artifact.OpenCollection(t.Context(), store, pointer))
	require.Contains(t, do("export", "forgotten", out, "--chat").err, "3 of 4 pairs written")
	refused("a collection named forgotten exists already", "start", filepath.Join(folder, "pairs.jsonl"), "--id", "forgotten")
	startAllTheSame(t, state, "forgotten", pointer.Pairs[0])
	require.Contains(t, do("export", "forgotten", out, "--chat").err, "3 of 4 pairs written")
	refused(`collection "nobody" does not exist`, "export", "nobody", out)
}

// startAllTheSame starts a collection past the command line, which would refuse its name, and waits for its failure.
func startAllTheSame(t *testing.T, state string, run spec.RunID, pairs spec.ArtifactRef) {
	t.Helper()
	record, err := devstack.Find(state)
	require.NoError(t, err)
	server, err := client.Dial(client.Options{HostPort: record.Temporal, Namespace: record.Namespace, Logger: connect.Quiet{}})
	require.NoError(t, err)
	defer server.Close()
	handle, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.PreferencesID(run), TaskQueue: "elara"},
		workflows.PreferencesWorkflow, workflows.PreferencesState{PreferencesInput: spec.PreferencesInput{
			Run: run, Name: string(run), Pairs: pairs, Plan: spec.PreferencesPlan{PerPair: 1},
		}})
	require.NoError(t, err)
	require.ErrorContains(t, handle.Get(t.Context(), nil), "the store holds a collection forgotten already")
}

func TestPreferencesRefuseWhatCouldNotStart(t *testing.T) {
	plainEnvironment(t)
	state := t.TempDir()
	pairs := filepath.Join(state, "pairs.jsonl")
	require.NoError(t, os.WriteFile(pairs, []byte(threeLines), 0o600))
	bad := filepath.Join(state, "bad.jsonl")
	require.NoError(t, os.WriteFile(bad, []byte(threeLines+`{"prompt":"p","response_a":"a","response_b":"a"}`), 0o600))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"start", filepath.Join(state, "none.jsonl")}, "none.jsonl: cannot be read: no such file or directory"},
		{[]string{"start", bad}, "bad.jsonl:4: response_a and response_b are the same text"},
		{[]string{"start", pairs, "--deadline", "soon"}, "--deadline soon: expected a time such as"},
		{[]string{"start", pairs, "--deadline", "-1h"}, "--deadline -1h: expected a time to come"},
		{[]string{"start", pairs, "--per-pair", "0"}, "0 judgements for each pair: expected 1 to 40"},
		{[]string{"start", pairs, "--total", "-1"}, "-1 judgements in all"},
		{[]string{"start", pairs, "--escalate-after", "-1h"}, "escalation after -1 hours"},
		{[]string{"start", pairs, "--reviewer", "x"}, "2 judgements for each pair, of 1 reviewers"},
		{[]string{"start", pairs, "--reviewer", "x", "--reviewer", "x"}, `reviewer "x" is listed twice`},
		{[]string{"start", pairs, "--id", "Cough"}, `run ID "Cough"`},
		{[]string{"status", "Cough"}, `run ID "Cough"`},
		{[]string{"judge", "cough", "1f0c5d2a9b3e", "A", "--as", "x", "--reason", strings.Repeat("x", spec.MaxReason+1)}, "--reason: 65537 bytes, expected at most 65536"},
		{[]string{"judge", "cough", "1f0c"}, "accepts 3 arg(s), received 2"},
		{[]string{"nxet"}, `unknown command "nxet" for elara preferences, did you mean next?`},
	} {
		got := elara(t, append(append([]string{"preferences"}, c.args...), "--state", state)...)
		require.Equal(t, exitRefused, got.code, got.err)
		require.Contains(t, got.err, c.want)
		require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
	}
}
