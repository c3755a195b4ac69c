package sample

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

var update = flag.Bool("update", false, "rewrite testdata/digests.txt")

// The digests pin every byte. A change of wording changes them: read the rendered files, then run with -update.
func TestRenderedBytesAreTheSameEverywhere(t *testing.T) {
	const golden = "testdata/digests.txt"
	var digests strings.Builder
	for _, opts := range []Options{{Seed: 1}, {Seed: 1, Conditions: 4}, {Seed: 7, Conditions: 4}} {
		summary, err := Write(t.TempDir(), opts)
		require.NoError(t, err)
		for _, file := range summary.Files {
			fmt.Fprintf(&digests, "seed %d, conditions %d, %s: %d bytes, %s\n", opts.Seed, opts.Conditions, file.Name, file.Size, file.Digest)
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(digests.String()), 0o644))
	}
	expected, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(expected), digests.String())
}

func TestARowIsTheSameInASmallSet(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	every, err := questionRows(all, 1)
	require.NoError(t, err)
	alone, err := questionRows(all[40:41], 1)
	require.NoError(t, err)
	require.Equal(t, every[40*32:41*32], alone)
}

func TestSummaryTellsWhatLiesInTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	summary, err := Write(dir, Options{Seed: 1})
	require.NoError(t, err)
	require.Equal(t, 89, summary.Conditions)
	require.Equal(t, 2848, summary.Kept)
	require.Equal(t, 3038, summary.Rows)
	require.Equal(t, 178, summary.Dialogues)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.Equal(t, []string{"defects.json", "dialogues.csv", "guidelines.txt", "qa.csv", "textbook.txt"}, names)
	require.Len(t, summary.Files, 5)
	for _, file := range summary.Files {
		info, err := os.Stat(file.Path)
		require.NoError(t, err)
		require.Equal(t, info.Size(), file.Size)
	}

	records, err := csv.NewReader(bytes.NewReader(read(t, dir, DialoguesFile))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 1+summary.Dialogues)
	require.Equal(t, columns(), records[0])
}

func TestWritingAgainReplacesTheFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := Write(dir, Options{Seed: 1, Conditions: 2})
	require.NoError(t, err)
	first := read(t, dir, QAFile)
	_, err = Write(dir, Options{Seed: 2, Conditions: 2})
	require.NoError(t, err)
	require.NotEqual(t, first, read(t, dir, QAFile))
	_, err = Write(dir, Options{Seed: 1, Conditions: 2})
	require.NoError(t, err)
	require.Equal(t, first, read(t, dir, QAFile))
}

func TestAFileThatCannotBeWrittenLeavesNoPieces(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, DialoguesFile), 0o755)) // a folder stands where the file should
	_, err := Write(dir, Options{Seed: 1, Conditions: 1})
	require.EqualError(t, err, filepath.Join(dir, DialoguesFile)+": not a regular file; expected the name of a file to write")
	require.True(t, fault.Is(err, fault.Invalid))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1) // the folder: qa.csv could have been written, but the files come together
}

func TestBadOptionsWriteNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "never")
	for _, conditions := range []int{-1, 1000} {
		_, err := Write(dir, Options{Conditions: conditions})
		require.True(t, fault.Is(err, fault.Invalid))
		require.NoDirExists(t, dir)
	}

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Write(filepath.Join(file, "below"), Options{Conditions: 1})
	require.EqualError(t, err, filepath.Join(file, "below")+": not a directory; expected a folder that can be made and written to")
	require.True(t, fault.Is(err, fault.Invalid))
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return text
}
