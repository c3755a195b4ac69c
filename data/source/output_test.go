package source_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/source"
	"elara/spec/fault"
)

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(content)
	}
	return files
}

func create(t *testing.T, path, content string) *source.Output {
	t.Helper()
	out, err := source.Create(path)
	require.NoError(t, err)
	_, err = out.WriteString(content)
	require.NoError(t, err)
	return out
}

func TestOutputAppearsAtCommitAndNotBefore(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(a, []byte("old"), 0o600))

	first, second := create(t, a, "new"), create(t, b, "other")
	require.NoError(t, first.Flush())
	require.Equal(t, "old", filesIn(t, dir)["a"])
	require.NotContains(t, filesIn(t, dir), "b")
	require.NoError(t, source.Commit(first, second))
	require.NoError(t, first.Discard(), "does nothing after a commit")
	require.Equal(t, map[string]string{"a": "new", "b": "other"}, filesIn(t, dir))
}

func TestDiscardLeavesWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	out := create(t, path, "half")
	require.NoError(t, out.Discard())
	require.NoError(t, out.Discard(), "may be called twice")
	require.Equal(t, map[string]string{"a": "old"}, filesIn(t, dir))
}

// The second file cannot be brought to the disk, so the first must not change its name either.
func TestCommitOfSeveralFailsBeforeTheFirstAppears(t *testing.T) {
	dir := t.TempDir()
	first, second := create(t, filepath.Join(dir, "a"), "new"), create(t, filepath.Join(dir, "b"), "other")
	require.NoError(t, second.Discard())
	broken := create(t, filepath.Join(dir, "b"), "other")
	broken.Reset(failing{})
	_, err := broken.WriteString("lost")
	require.NoError(t, err)
	require.ErrorIs(t, source.Commit(first, broken), os.ErrDeadlineExceeded)
	require.NoError(t, first.Discard())
	require.NoError(t, broken.Discard())
	require.Empty(t, filesIn(t, dir))
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestOutputThatCannotBeIsRefused(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir:                             ": not a regular file; expected the name of a file to write",
		dir + "/none/":                  ": no file name; expected the name of a file to write",
		filepath.Join(dir, "none", "a"): ": its folder does not exist; expected an existing folder",
		"/dev/null":                     ": not a regular file; expected the name of a file to write",
	} {
		_, err := source.Create(path)
		require.EqualError(t, err, path+want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}
