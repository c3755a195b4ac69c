package tokenizer

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// The expected values in this file come from Python's tokenizers 0.23.3 by way of the scripts in tests/peer/tokenizer.

// realVocabularies are the published tokenizers, by their key in golden.jsonl.
func realVocabularies() []string { return []string{"gpt2", "smollm2", "llama3", "qwen3"} }

// vocabularyPath is where tests/peer/tokenizer/fetch puts a published tokenizer; the test is skipped without it.
func vocabularyPath(t testing.TB, name string) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		require.NoError(t, err)
		cache = filepath.Join(home, ".cache")
	}
	path := filepath.Join(cache, "elara", "vocab", name)
	if name == "smollm2" {
		path = filepath.Join(path, "SmolLM2-135M-Instruct.Q4_1.gguf")
		if named := os.Getenv("ELARA_SMOLLM2"); named != "" {
			path = named
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("vocabulary %s is not in the cache; tests/peer/tokenizer/fetch puts it there", name)
	}
	return path
}

func loadReal(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tokenizer, err := Load(vocabularyPath(t, name))
	require.NoError(t, err)
	return tokenizer
}

// readLines decodes each line of a JSONL file.
func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	var rows []T
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row T
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		rows = append(rows, row)
	}
	require.NoError(t, lines.Err())
	return rows
}

type realRow struct {
	Text    string
	GPT2    []int32
	SmolLM2 []int32
	Llama3  []int32
	Qwen3   []int32
}

func (r realRow) ids(name string) []int32 {
	return map[string][]int32{"gpt2": r.GPT2, "smollm2": r.SmolLM2, "llama3": r.Llama3, "qwen3": r.Qwen3}[name]
}

// TestProofRealVocabulariesGivePythonsIDs is what tests/proof/tokenizer runs; it reads the line "agree".
func TestProofRealVocabulariesGivePythonsIDs(t *testing.T) {
	rows := readLines[realRow](t, "testdata/golden.jsonl")
	require.GreaterOrEqual(t, len(rows), 300)
	for _, name := range realVocabularies() {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadReal(t, name)
			agree := 0
			for _, row := range rows {
				got := tokenizer.Encode(row.Text)
				if equalIDs(row.ids(name), got) {
					agree++
					continue
				}
				t.Errorf("%q: got %v, expected %v", row.Text, got, row.ids(name))
			}
			t.Logf("agree %d of %d", agree, len(rows))
		})
	}
}

func equalIDs(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

type smallRow struct {
	Tokenizer      string
	Text           string
	IDs            []int32
	WithSpecial    []int32 `json:"with_special"`
	Decoded        string
	WithoutSpecial string `json:"without_special"`
}

func TestSmallTokenizersGivePythonsIDs(t *testing.T) {
	loaded := make(map[string]*Tokenizer)
	for _, row := range readLines[smallRow](t, "testdata/small/golden.jsonl") {
		tokenizer, found := loaded[row.Tokenizer]
		if !found {
			var err error
			tokenizer, err = Load("testdata/small/" + row.Tokenizer)
			require.NoError(t, err)
			loaded[row.Tokenizer] = tokenizer
		}
		got := tokenizer.Encode(row.Text)
		require.True(t, equalIDs(row.IDs, got), "%s %q: got %v, expected %v", row.Tokenizer, row.Text, got, row.IDs)
		around := tokenizer.EncodeWithSpecial(row.Text)
		require.True(t, equalIDs(row.WithSpecial, around), "%s %q: got %v, expected %v", row.Tokenizer, row.Text, around, row.WithSpecial)
		require.Equal(t, row.Decoded, tokenizer.Decode(row.IDs, false), "%s %q", row.Tokenizer, row.Text)
		require.Equal(t, row.WithoutSpecial, tokenizer.Decode(row.IDs, true), "%s %q", row.Tokenizer, row.Text)
	}
	require.Len(t, loaded, 7+4) // JSON and GGUF
}

func TestEveryCharacterIsClassifiedAsInPython(t *testing.T) {
	var expected map[string]string
	text, err := os.ReadFile("testdata/unicode.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &expected))
	classIs := func(want ...class) func(rune) bool {
		return func(r rune) bool {
			c, _ := classAt(string(r), 0)
			return c == want[0] || c == want[len(want)-1]
		}
	}
	for name, holds := range map[string]func(rune) bool{
		"letters": classIs(letter), "numbers": classIs(number), "spaces": classIs(space, newline),
		"digits": isNumeric, "words": isWord,
	} {
		var members []rune
		for r := range unicode.MaxRune + 1 {
			if (r < 0xd800 || r > 0xdfff) && holds(r) {
				members = append(members, r)
			}
		}
		require.Equal(t, expected[name], digestOf(members), name)
	}
}

func TestEveryCharacterIsNormalizedAsInPython(t *testing.T) {
	var expected map[string]string
	text, err := os.ReadFile("testdata/unicode.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &expected))
	for name, form := range map[string]canonical{"nfc": {compose: true}, "nfd": {}} {
		var whole []rune
		for r := range unicode.MaxRune + 1 {
			if r < 0xd800 || r > 0xdfff {
				whole = append(whole, []rune(form.apply("a\u0345"+string(r)+"\u0334\u0301x"))...)
			}
		}
		require.Equal(t, expected[name], digestOf(whole), name)
	}
}

func digestOf(runes []rune) string {
	h := sha256.New()
	for _, r := range runes {
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(r)))
	}
	return hex.EncodeToString(h.Sum(nil))
}
