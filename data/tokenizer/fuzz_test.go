package tokenizer

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// The GPT-2 vocabulary has every byte and its pipeline changes nothing, so every text comes back. The others may
// normalise or drop bytes; theirs must give ids that exist, the same ids for the same text, and never panic.
func FuzzTextComesBack(f *testing.F) {
	for _, row := range readLines[smallRow](f, "testdata/small/golden.jsonl")[:150] {
		f.Add(row.Text)
	}
	f.Add("\xff\xc3\x28\xf0\x9f")
	gpt2 := loadSmall(f, "gpt2.json")
	others := []*Tokenizer{loadSmall(f, "prefix.json"), loadSmall(f, "digits.json"), loadSmall(f, "unknown.json"),
		loadSmall(f, "fused.json"), loadSmall(f, "llama3.json"), loadSmall(f, "qwen2.json")}
	f.Fuzz(func(t *testing.T, text string) {
		ids := gpt2.Encode(text)
		if utf8.ValidString(text) {
			require.Equal(t, text, gpt2.Decode(ids, false))
		}
		require.True(t, utf8.ValidString(gpt2.Decode(ids, true)))
		for _, tokenizer := range others {
			first := tokenizer.Encode(text)
			for _, id := range first {
				_, found := tokenizer.Token(id)
				require.True(t, found)
			}
			require.True(t, equalIDs(first, tokenizer.Encode(text)))
			require.True(t, utf8.ValidString(tokenizer.Decode(first, false)))
		}
	})
}

// A tokenizer.json is refused with a located error, or works.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(tinyDocument))
	f.Add([]byte(readFile(f, "testdata/small/llama3.json")))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseDocument("fuzz.json", text)
		var tokenizer *Tokenizer
		if err == nil {
			tokenizer, err = s.build()
		}
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), err)
			require.ErrorContains(t, err, "fuzz.json")
			return
		}
		tokenizer.Decode(tokenizer.EncodeWithSpecial("It's 12 ab\u00e9 <e> \r\n x"), false)
		require.Len(t, tokenizer.Hash(), 64)
	})
}
