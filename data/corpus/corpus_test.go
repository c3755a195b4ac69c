package corpus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/corpus"
	"elara/spec"
	"elara/spec/fault"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func read(t *testing.T, by spec.SampleBy, path string) (documents []corpus.Document, blank int64) {
	t.Helper()
	files, err := corpus.Resolve(path)
	require.NoError(t, err)
	r := corpus.Reader{By: by}
	for document, err := range r.Documents(t.Context(), files) {
		require.NoError(t, err)
		document.File = filepath.Base(document.File)
		documents = append(documents, document)
	}
	return documents, r.Blank
}

const text = "\xef\xbb\xbfGout\r\n\nGout is an arthritis.\nIt hurts.\n\n\n Croup \n   \nlast"

func TestRunningTextIsCutAsTheTextLoaderOfDatasetsCutsIt(t *testing.T) {
	dir := folder(t, map[string]string{"b.txt": text, "notes.md": "not read", "a.jsonl": "{\"text\": \"one\\ntwo\"}\n{\"text\": \" \"}\n"})
	object := corpus.Document{File: "a.jsonl", Line: 1, Text: "one\ntwo"}
	for by, want := range map[spec.SampleBy]struct {
		documents []corpus.Document
		blank     int64
	}{
		spec.ByLine: {[]corpus.Document{object, {"b.txt", 1, "Gout"}, {"b.txt", 3, "Gout is an arthritis."}, {"b.txt", 4, "It hurts."},
			{"b.txt", 7, " Croup "}, {"b.txt", 9, "last"}}, 5},
		spec.ByParagraph: {[]corpus.Document{object, {"b.txt", 1, "Gout"}, {"b.txt", 3, "Gout is an arthritis.\nIt hurts."}, {"b.txt", 7, " Croup \n   \nlast"}}, 1},
		spec.ByDocument:  {[]corpus.Document{object, {"b.txt", 1, "Gout\n\nGout is an arthritis.\nIt hurts.\n\n\n Croup \n   \nlast"}}, 1},
	} {
		documents, blank := read(t, by, dir)
		require.Equal(t, want.documents, documents, by)
		require.Equal(t, want.blank, blank, by)
	}
}

func TestAGlobAndAFileAreSourcesToo(t *testing.T) {
	dir := folder(t, map[string]string{"a.txt": "one", "b.text": "two"})
	documents, _ := read(t, "", filepath.Join(dir, "*.t*"))
	require.Equal(t, []corpus.Document{{"a.txt", 1, "one"}, {"b.text", 1, "two"}}, documents)
	documents, _ = read(t, "", filepath.Join(dir, "b.text"))
	require.Len(t, documents, 1)
}

func TestTextThatCannotBeReadIsRefusedWithItsPlace(t *testing.T) {
	dir := folder(t, map[string]string{"bad.txt": "good\n\xff\xfe\n", "zero.txt": "a\x00b", "bad.jsonl": "{\"text\": 1}\n"})
	for path, want := range map[string]string{
		"bad.txt": "bad.txt:2: not UTF-8 text", "zero.txt": "zero.txt:1: not UTF-8 text", "bad.jsonl": `bad.jsonl:1: "text" is not a string`,
	} {
		r := corpus.Reader{}
		var failed error
		for _, err := range r.Documents(t.Context(), []string{filepath.Join(dir, path)}) {
			failed = err
		}
		require.Equal(t, fault.Invalid, fault.KindOf(failed), path)
		require.ErrorContains(t, failed, want)
	}
	for path, want := range map[string]string{"none": "no such file", "x*.txt": "no text there", ".": "no text there", "[": "malformed pattern"} {
		empty := t.TempDir()
		_, err := corpus.Resolve(filepath.Join(empty, path))
		require.Equal(t, fault.Invalid, fault.KindOf(err), path)
		require.ErrorContains(t, err, want)
	}
}

func TestTheSameTextIsAlwaysOnTheSameSide(t *testing.T) {
	held := 0
	for i := range 2000 {
		if corpus.IsHeldOut(strings.Repeat("x", i), 10) {
			held++
			require.True(t, corpus.IsHeldOut(strings.Repeat("x", i), 30), "a larger share keeps what a smaller one holds out")
		}
		require.False(t, corpus.IsHeldOut(strings.Repeat("x", i), 0))
	}
	require.InDelta(t, 200, held, 40)
}
