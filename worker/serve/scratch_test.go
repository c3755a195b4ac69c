package serve

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestScratchOfALivingProcessStaysAndThatOfADeadOneGoes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "scratch")
	living, err := openScratch(root)
	require.NoError(t, err)
	dead, err := openScratch(root)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dead.folder, "half-done"), []byte("x"), 0o600))
	require.NoError(t, dead.lock.Close()) // what the system does when a process is killed

	next, err := openScratch(root)
	require.NoError(t, err)
	require.DirExists(t, living.folder)
	require.NoDirExists(t, dead.folder)

	require.NoError(t, living.remove())
	require.NoError(t, next.remove())
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestScratchThatCannotBeMadeSaysWhereToLook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := openScratch(filepath.Join(file, "scratch"))
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "expected a cache_dir that can be written to")
}
