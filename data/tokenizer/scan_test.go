package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func scanners() map[string]scanner {
	return map[string]scanner{"gpt2": scanGPT2, "llama3": scanLlama3, "qwen2": scanQwen2, "digit": scanDigit, "digits": scanDigits}
}

// cut gives the lengths of the pieces.
func cut(scan scanner, text string) []int {
	lengths := []int{}
	for len(text) > 0 {
		n := scan(text)
		lengths = append(lengths, n)
		text = text[n:]
	}
	return lengths
}

func TestTextIsCutWhereThePatternsCutIt(t *testing.T) {
	rows := readLines[map[string]json.RawMessage](t, "testdata/pieces.jsonl")
	require.Greater(t, len(rows), 400)
	for _, row := range rows {
		var text string
		require.NoError(t, json.Unmarshal(row["text"], &text))
		for name, scan := range scanners() {
			var expected []int
			require.NoError(t, json.Unmarshal(row[name], &expected))
			require.Equal(t, expected, cut(scan, text), "%s %q", name, text)
		}
	}
}

// All texts of up to four characters out of those that the patterns tell apart.
func TestEveryShortTextIsCutWhereThePatternsCutIt(t *testing.T) {
	var expected map[string]string
	require.NoError(t, json.Unmarshal([]byte(readFile(t, "testdata/short_pieces.json")), &expected))
	alphabet := []rune("'sLvE \n\r\u00a01!\u00e9\u017f")
	for name, scan := range scanners() {
		h := sha256.New()
		for n := 1; n <= 4; n++ {
			text := make([]rune, n)
			var extend func(at int)
			extend = func(at int) {
				if at == n {
					for _, length := range cut(scan, string(text)) {
						h.Write([]byte{byte(length)})
					}
					h.Write([]byte{255})
					return
				}
				for _, r := range alphabet {
					text[at] = r
					extend(at + 1)
				}
			}
			extend(0)
		}
		require.Equal(t, expected[name], hex.EncodeToString(h.Sum(nil)), name)
	}
}
