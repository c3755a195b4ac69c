package instruct_test

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
	"elara/data/instruct"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// peer is where golden.py, what it read and what it wrote lie.
const peer = "../../tests/peer/clean"

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func TestFileIsThatOfTheGuidesCodeByteForByte(t *testing.T) {
	for _, audience := range spec.Audiences() {
		out := filepath.Join(t.TempDir(), "out.jsonl")
		rows, err := instruct.File(context.Background(), filepath.Join(peer, "cleaned.csv"), out, source.Columns{}, audience)
		require.NoError(t, err)
		require.Equal(t, int64(24), rows)
		require.Equal(t, readFile(t, filepath.Join(peer, string(audience)+".jsonl")), readFile(t, out))
	}
}

func TestTextOfEachAudience(t *testing.T) {
	const base = "You are Elara, a professional medical AI assistant trained to provide accurate, evidence-based information. Answer with compassion and clarity."
	for audience, system := range map[spec.Audience]string{
		spec.General:   base,
		spec.Emergency: base,
		spec.Doctor:    base + " You are communicating with a medical professional, so use appropriate technical terminology.",
		spec.Patient:   base + " You are communicating with a patient, so use patient-friendly language and avoid excessive medical jargon.",
	} {
		text, err := instruct.Guide().Text("Why?", "So.", audience)
		require.NoError(t, err)
		require.Equal(t, "<|system|>\n"+system+"\n<|user|>\nWhy?\n<|assistant|>\nSo.", text)
		prompt, err := instruct.Guide().Prompt("Why?", audience)
		require.NoError(t, err)
		require.Equal(t, "<|system|>\n"+system+"\n<|user|>\nWhy?\n<|assistant|>\n", prompt)
	}
	_, err := instruct.Guide().Text("Why?", "So.", "nurse")
	require.True(t, fault.Is(err, fault.Invalid))
}

func TestHashIsThatOfTheGuidesFunction(t *testing.T) {
	var golden struct {
		Template spec.Digest `json:"template_sha256"`
	}
	require.NoError(t, json.Unmarshal([]byte(readFile(t, filepath.Join(peer, "golden.json"))), &golden))
	hash, err := instruct.Guide().Hash()
	require.NoError(t, err)
	require.Equal(t, golden.Template, hash)
}

func TestRowThatIsNotCleanedEndsTheWorkAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.jsonl")
	for row, want := range map[string]string{
		"a":     ":3: bad row (too_few_fields): 1 fields, expected 2; expected a cleaned file",
		",b":    ":3: no question; expected a cleaned file",
		"a,NaN": ":3: no answer; expected a cleaned file",
		"\"a,b": ":3: quote opened here is never closed; expected a closing quote before the end of the file",
	} {
		require.NoError(t, os.WriteFile(in, []byte("question,answer\na,b\n"+row+"\n"), 0o600))
		_, err := instruct.File(context.Background(), in, out, source.Columns{}, spec.General)
		require.EqualError(t, err, in+want)
		require.True(t, fault.Is(err, fault.Invalid))
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1)
	}
	_, err := instruct.File(context.Background(), filepath.Join(dir, "none.csv"), out, source.Columns{}, spec.General)
	require.EqualError(t, err, filepath.Join(dir, "none.csv")+": no such file; expected an existing file")
	empty := t.TempDir()
	_, err = instruct.File(context.Background(), empty, out, source.Columns{}, spec.General)
	require.EqualError(t, err, empty+": folder without CSV files; expected at least one file named *.csv")
	_, err = instruct.File(context.Background(), in, out, source.Columns{}, "nurse")
	require.EqualError(t, err, `audience "nurse": expected general, patient, doctor or emergency`)
}

// TestRealDataIsFormattedAsTheGuideFormatsIt goes from the raw files to the training files and compares the
// digests that golden.py wrote; the data is no part of the project.
func TestRealDataIsFormattedAsTheGuideFormatsIt(t *testing.T) {
	data := "../../../shared/data"
	if _, err := os.Stat(filepath.Join(data, "medquad")); err != nil {
		t.Skip("the real question-answer files are not beside this checkout:", err)
	}
	var golden map[string]struct {
		Question, Answer string
		JSONL            map[spec.Audience]spec.Digest `json:"jsonl_sha256"`
	}
	require.NoError(t, json.Unmarshal([]byte(readFile(t, filepath.Join(peer, "real.json"))), &golden))
	require.Len(t, golden, 9)
	for name, want := range golden {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			dir := t.TempDir()
			columns := source.Columns{Question: want.Question, Answer: want.Answer}
			_, err := clean.File(context.Background(), filepath.Join(data, name), dir+"/c.csv", dir+"/l.jsonl", columns, clean.Limits())
			require.NoError(t, err)
			for _, audience := range spec.Audiences() {
				_, err := instruct.File(context.Background(), dir+"/c.csv", dir+"/t.jsonl", columns, audience)
				require.NoError(t, err)
				require.Equal(t, want.JSONL[audience], spec.DigestOf(sha256.Sum256([]byte(readFile(t, dir+"/t.jsonl")))), "%s", audience)
			}
		})
	}
}
