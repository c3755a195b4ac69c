package clean_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/clean"
	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
)

// peer is where golden.py, what it read and what it wrote lie.
const peer = "../../tests/peer/clean"

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(peer, name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, into))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func readLedger(t *testing.T, path string) (entries []ledger.Entry) {
	t.Helper()
	for line := range strings.Lines(readFile(t, path)) {
		var entry ledger.Entry
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		entries = append(entries, entry)
	}
	return entries
}

// notEmpty is the counts as golden.py gives them: without the buckets in which no row ended.
func notEmpty(counts ledger.Counts) map[string]int64 {
	rows := map[string]int64{}
	for _, count := range counts.Buckets {
		if count.Rows > 0 {
			rows[count.Bucket] = count.Rows
		}
	}
	return rows
}

func TestCleanedFileIsPandasFileByteForByte(t *testing.T) {
	dir := t.TempDir()
	out, ledgerPath := filepath.Join(dir, "cleaned.csv"), filepath.Join(dir, "ledger.jsonl")
	counts, err := clean.File(context.Background(), filepath.Join(peer, "nasty.csv"), out, ledgerPath, source.Columns{}, clean.Limits())
	require.NoError(t, err)
	require.Equal(t, readFile(t, filepath.Join(peer, "cleaned.csv")), readFile(t, out))

	var golden struct {
		Counts map[string]int64
		Ledger []struct {
			Line   int
			Digest spec.Digest
			Bucket ledger.Bucket
			SameAs int `json:"same_as"`
		}
	}
	readJSON(t, "golden.json", &golden)
	require.Equal(t, golden.Counts, notEmpty(counts))
	entries := readLedger(t, ledgerPath)
	require.Len(t, entries, len(golden.Ledger))
	for i, want := range golden.Ledger {
		require.Equal(t, source.ID{File: "nasty.csv", Line: want.Line, Digest: want.Digest}, entries[i].ID)
		require.Equal(t, want.Bucket, entries[i].Bucket, "line %d", want.Line)
		if want.SameAs > 0 {
			require.Equal(t, &ledger.Place{File: "nasty.csv", Line: want.SameAs}, entries[i].SameAs)
		}
	}
}

func TestTextIsPythonsCleanText(t *testing.T) {
	var golden struct{ Texts [][2]string }
	readJSON(t, "golden.json", &golden)
	require.Len(t, golden.Texts, 150)
	for _, pair := range golden.Texts {
		require.Equal(t, pair[1], clean.Text(pair[0]), "%q", pair[0])
	}
}

func TestWhiteSpaceIsPythonsForEveryCharacter(t *testing.T) {
	var golden struct {
		WhiteSpace []rune `json:"white_space"`
	}
	readJSON(t, "golden.json", &golden)
	isWhite := map[rune]bool{}
	for _, r := range golden.WhiteSpace {
		isWhite[r] = true
	}
	for r := rune(0); r <= 0x10ffff; r++ {
		if r >= 0xd800 && r <= 0xdfff {
			continue
		}
		text, want := string(r)+"a"+string(r)+string(r)+"b", "a b"
		if !isWhite[r] {
			want = text
		}
		if got := clean.Text(text); got != want {
			t.Fatalf("%U: got %q, want %q", r, got, want)
		}
	}
}

// TestRealDataIsCleanedAsPandasCleansIt compares digests and counts that golden.py wrote; the data is no part of
// the project.
func TestRealDataIsCleanedAsPandasCleansIt(t *testing.T) {
	data := "../../../shared/data"
	if _, err := os.Stat(filepath.Join(data, "medquad")); err != nil {
		t.Skip("the real question-answer files are not beside this checkout:", err)
	}
	var golden map[string]struct {
		Question, Answer string
		Counts           map[string]int64
		CleanedSHA256    spec.Digest `json:"cleaned_sha256"`
	}
	readJSON(t, "real.json", &golden)
	require.Len(t, golden, 9)
	for name, want := range golden {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			out, ledgerPath := filepath.Join(dir, "cleaned.csv"), filepath.Join(dir, "ledger.jsonl")
			columns := source.Columns{Question: want.Question, Answer: want.Answer}
			counts, err := clean.File(context.Background(), filepath.Join(data, name), out, ledgerPath, columns, clean.Limits())
			require.NoError(t, err)
			require.Equal(t, want.Counts, notEmpty(counts))
			require.Equal(t, want.CleanedSHA256, spec.DigestOf(sha256.Sum256([]byte(readFile(t, out)))))
			require.Len(t, readLedger(t, ledgerPath), int(counts.RowsRead))
		})
	}
}
