package exec_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/worker/exec"
)

func run(args ...string) (stderr string, err error) {
	var buffer bytes.Buffer
	c := exec.Command()
	c.SetArgs(args)
	c.SetErr(&buffer)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.Execute()
	return buffer.String(), err
}

func stdout(t *testing.T, args ...string) string {
	t.Helper()
	var buffer bytes.Buffer
	c := exec.Command()
	c.SetArgs(args)
	c.SetOut(&buffer)
	require.NoError(t, c.Execute())
	return buffer.String()
}

func TestJudgeWritesALineAPairAndASummary(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "pairs.jsonl"), filepath.Join(dir, "findings.jsonl")
	require.NoError(t, os.WriteFile(in, []byte(`{"question": "My father's face droops.", "answer": "Let him sleep."}`+"\n"+`{"question": "What is iron?", "answer": "A mineral."}`), 0o600))
	summary, err := run("judge", "--in", in, "--out", out, "--audience", "patient")
	require.NoError(t, err)
	require.Contains(t, summary, "2 pairs, 95 % intervals")
	require.Contains(t, summary, "missed-emergency")
	written, err := os.ReadFile(out)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(written)), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], `"rule":"missed-emergency","in":"question","quote":"face droops","reason":"the question tells signs of stroke`)
}

func TestJudgeRefusesBadInputAndWritesNothing(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "pairs.jsonl"), filepath.Join(dir, "findings.jsonl")
	require.NoError(t, os.WriteFile(in, []byte(`{"question": "q"}`), 0o600))
	for says, args := range map[string][]string{
		`pairs.jsonl:1: no "answer"`:     {"judge", "--in", in, "--out", out},
		`audience "nurse": expected`:     {"judge", "--in", in, "--out", out, "--audience", "nurse"},
		"none.jsonl: no such file":       {"judge", "--in", filepath.Join(dir, "none.jsonl"), "--out", out},
		`required flag(s) "out" not set`: {"judge", "--in", in},
	} {
		_, err := run(args...)
		require.ErrorContains(t, err, says)
		require.Contains(t, []fault.Kind{fault.Invalid, fault.NotFound}, fault.KindOf(err))
		require.NoFileExists(t, out)
	}
}
