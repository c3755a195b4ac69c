package tokenizer

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func loadSmall(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tokenizer, err := Load("testdata/small/" + name)
	require.NoError(t, err)
	return tokenizer
}

func TestAddTokenTakesTheNextID(t *testing.T) {
	tokenizer := loadSmall(t, "gpt2.json")
	require.Equal(t, 520, tokenizer.VocabSize())
	before := tokenizer.Encode("x<PAD>y")
	require.Greater(t, len(before), 3)

	id, err := tokenizer.AddToken("<PAD>", true)
	require.NoError(t, err)
	require.EqualValues(t, 520, id)
	require.Equal(t, 521, tokenizer.VocabSize())
	again, err := tokenizer.AddToken("<PAD>", true)
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.Equal(t, 521, tokenizer.VocabSize())

	x, found := tokenizer.ID("x")
	require.True(t, found)
	y, _ := tokenizer.ID("y")
	require.Equal(t, []int32{x, id, y}, tokenizer.Encode("x<PAD>y"))
	require.Equal(t, "xy", tokenizer.Decode([]int32{x, id, y}, true))
	require.Equal(t, "x<PAD>y", tokenizer.Decode([]int32{x, id, y}, false))

	_, err = tokenizer.AddToken("", true)
	require.ErrorContains(t, err, "add token: content is empty")
}

func TestAddTokenKeepsAVocabularyTokensID(t *testing.T) {
	tokenizer := loadSmall(t, "gpt2.json")
	token, found := tokenizer.Token(300)
	require.True(t, found)
	id, err := tokenizer.AddToken(token, true)
	require.NoError(t, err)
	require.EqualValues(t, 300, id)
	require.Equal(t, 520, tokenizer.VocabSize())
}

func TestTokensThatAreNotSpecialAreFoundAfterNormalisation(t *testing.T) {
	tokenizer := loadSmall(t, "qwen2.json") // NFC
	id, err := tokenizer.AddToken("caf\u00e9x", false)
	require.NoError(t, err)
	require.Equal(t, []int32{id}, tokenizer.Encode("cafe\u0301x"))
	special, err := tokenizer.AddToken("the\u0301", true)
	require.NoError(t, err)
	require.Equal(t, []int32{special}, tokenizer.Encode("the\u0301"))
	require.NotEqual(t, []int32{special}, tokenizer.Encode("th\u00e9"))
}

func TestTokenAndIDRefuseWhatDoesNotExist(t *testing.T) {
	tokenizer := loadSmall(t, "gpt2.json")
	for _, id := range []int32{-1, 520} {
		_, found := tokenizer.Token(id)
		require.False(t, found)
	}
	_, found := tokenizer.ID("no such token")
	require.False(t, found)
	require.Equal(t, "", tokenizer.Decode([]int32{-1, 520}, false))
	_, _, ok := tokenizer.EOS() // tokenizer.json on its own names no roles
	require.False(t, ok)
}

func TestDecodeReplacesEachBrokenCharacterOnce(t *testing.T) {
	tokenizer := loadSmall(t, "gpt2.json")
	byteID := func(b byte) int32 {
		id, found := tokenizer.ID(string(byteLevel.runes[b]))
		require.True(t, found)
		return id
	}
	for _, c := range []struct{ bytes, text string }{
		{"\xe6\xbc", "\ufffd"},                               // a beginning of three bytes
		{"\xe6\xbca", "\ufffda"},                             //
		{"\xf0\x9f\x98", "\ufffd"},                           // of four
		{"\xf0\x9f\xe6\xbc\xa2", "\ufffd漢"},                  //
		{"\xc0\x80", "\ufffd\ufffd"},                         // spelt too long
		{"\xe0\x80\x80", "\ufffd\ufffd\ufffd"},               //
		{"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},               // a surrogate
		{"\xf4\x90\x80", "\ufffd\ufffd\ufffd"},               // beyond the last character
		{"\xf0\x8f\xbf", "\ufffd\ufffd\ufffd"},               //
		{"\x80\xff", "\ufffd\ufffd"},                         // no beginnings
		{"a\xc3", "a\ufffd"},                                 //
		{"\xef\xbf\xbd", "\ufffd"},                           // the character itself
		{"\xed\x9f\xbf\xf4\x8f\xbf\xbf", "\ud7ff\U0010ffff"}, // the last before each gap
	} {
		var ids []int32
		for i := range len(c.bytes) {
			ids = append(ids, byteID(c.bytes[i]))
		}
		require.Equal(t, c.text, tokenizer.Decode(ids, false), "%x", c.bytes)
	}
}

func TestBytesThatAreNotUTF8GoThroughAsTheyAre(t *testing.T) {
	for _, name := range []string{"gpt2.json", "qwen2.json"} {
		tokenizer := loadSmall(t, name)
		var raw []byte
		for _, id := range tokenizer.Encode("a\xff\xc3 e\u0301\x80") {
			token, _ := tokenizer.Token(id)
			raw, _ = byteLevel.appendRaw(raw, token)
		}
		want := "a\xff\xc3 e\u0301\x80"
		if name == "qwen2.json" {
			want = "a\xff\xc3 \u00e9\x80"
		}
		require.Equal(t, want, string(raw))
	}
}

func TestLongRunsOfMarksAreNotBroken(t *testing.T) {
	// The norm package would put U+034F after 30 marks; Python puts nothing.
	text := "a" + strings.Repeat("\u0316", 100)
	require.Equal(t, text, canonical{compose: true}.apply(text))
	// Marks of class 230 before ones of class 220: all of the lower class come first, and the first acute joins the a.
	mixed := "a" + strings.Repeat("\u0301\u0316", 50)
	want := "\u00e1" + strings.Repeat("\u0316", 50) + strings.Repeat("\u0301", 49)
	require.Equal(t, want, canonical{compose: true}.apply(mixed))
}

func TestManyGoroutinesEncodeTheSame(t *testing.T) {
	tokenizer := loadSmall(t, "llama3.json")
	rows := readLines[smallRow](t, "testdata/small/golden.jsonl")
	var group sync.WaitGroup
	wrong := make(chan string, 8*len(rows))
	for range 8 {
		group.Go(func() {
			for _, row := range rows {
				if row.Tokenizer == "llama3.json" && !equalIDs(row.IDs, tokenizer.Encode(row.Text)) {
					wrong <- row.Text
				}
			}
		})
	}
	group.Wait()
	require.Empty(t, wrong)
}

func TestAppendEncodeKeepsWhatIsThere(t *testing.T) {
	tokenizer := loadSmall(t, "gpt2.json")
	ids := tokenizer.Encode("fever")
	require.Equal(t, append([]int32{7, 8}, ids...), tokenizer.AppendEncode([]int32{7, 8}, "fever"))
}

func TestHashTellsTokenizersApart(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range []string{"gpt2.json", "prefix.json", "digits.json", "unknown.json", "fused.json", "llama3.json", "qwen2.json"} {
		tokenizer := loadSmall(t, name)
		digest := string(tokenizer.Hash())
		require.Len(t, digest, 64)
		require.Empty(t, seen[digest], name)
		seen[digest] = name
		require.EqualValues(t, digest, loadSmall(t, name).Hash(), "loaded twice")
		_, err := tokenizer.AddToken("<PAD>", true)
		require.NoError(t, err)
		require.NotEqualValues(t, digest, tokenizer.Hash())
	}
}

func TestHashCountsTheFlagsOfAddedTokens(t *testing.T) {
	seen := make(map[string]bool)
	for _, change := range []string{`"special":true`, `"special":false`, `"lstrip":true`, `"rstrip":true`, `"normalized":true`, `"single_word":true`} {
		key, _, _ := strings.Cut(change, ":")
		old := key + `:false`
		if key == `"special"` {
			old = `"special":true`
		}
		dir := writeFolder(t, map[string]string{tokenizerFile: replaceOnce(t, tinyDocument, old, change)})
		tokenizer, err := Load(dir)
		require.NoError(t, err)
		digest := string(tokenizer.Hash())
		require.False(t, seen[digest], change)
		seen[digest] = true
	}
}

func TestHashIsTheSameFromEitherFormat(t *testing.T) {
	for _, name := range []string{"gpt-2.gguf", "smollm.gguf", "llama-bpe.gguf", "qwen2.gguf"} {
		tokenizer := loadSmall(t, name)
		dir := t.TempDir()
		require.NoError(t, tokenizer.Save(dir))
		again, err := Load(dir)
		require.NoError(t, err)
		require.Equal(t, tokenizer.Hash(), again.Hash(), name)
		require.Equal(t, tokenizer.EncodeWithSpecial("a stat b"), again.EncodeWithSpecial("a stat b"))
	}
}

func TestGGUFNamesRolesAndTemplate(t *testing.T) {
	tokenizer := loadSmall(t, "llama-bpe.gguf")
	id, begin, ok := tokenizer.BOS()
	require.True(t, ok)
	require.Equal(t, "<|begin|>", begin)
	require.EqualValues(t, 0, id)
	_, end, ok := tokenizer.EOS()
	require.True(t, ok)
	require.Equal(t, "<|finish|>", end)
	_, _, ok = tokenizer.PAD()
	require.False(t, ok)
	_, _, ok = tokenizer.UNK()
	require.False(t, ok)
	require.Equal(t, "{{ x }}", tokenizer.ChatTemplate())
	require.Equal(t, "<|begin|>", tokenizer.Decode(tokenizer.EncodeWithSpecial(""), false))
}

func TestUnusedTokensOfAGGUFFileAreLeftOut(t *testing.T) {
	tokenizer := loadSmall(t, "qwen2.gguf")
	_, found := tokenizer.ID("[PAD0]")
	require.False(t, found)
	require.Equal(t, 520+1, tokenizer.VocabSize()) // with "stat sig"
}
