package tokenizer

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func replaceOnce(t testing.TB, text, old, replacement string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, old), "%q must be in the text once", old)
	return strings.Replace(text, old, replacement, 1)
}

// tinyDocument is the smallest tokenizer.json that loads, on five lines.
const tinyDocument = `{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":3,"content":"<e>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
"normalizer":null,
"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
"model":{"type":"BPE","dropout":null,"unk_token":null,"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}`

func TestBrokenDocumentsAreRefusedByNameAndPlace(t *testing.T) {
	t.Run("the whole one loads", func(t *testing.T) {
		tokenizer, err := Load(filepath.Join(writeFolder(t, map[string]string{tokenizerFile: tinyDocument}), tokenizerFile))
		require.NoError(t, err)
		require.Equal(t, []int32{2, 0, 3}, tokenizer.Encode("aba<e>"))
	})
	for _, c := range []struct{ name, old, replacement, expected string }{
		{"missing merges", `,"merges":["a b"]`, ``, `tokenizer.json: model has no merges, expected an array of them`},
		{"merge of an unknown token", `["a b"]`, `["a b","a c"]`, `tokenizer.json: merge 2, "a" with "c", names "c", expected a token of the vocabulary`},
		{"merge of another unknown token", `["a b"]`, `[["x","b"]]`, `merge 1, "x" with "b", names "x", expected a token`},
		{"merge into an unknown token", `["a b"]`, `["b a"]`, `merge 1, "b" with "a", makes "ba", expected a token of the vocabulary`},
		{"merge that goes in a circle", `["a b"]`, `[["","ab"]]`, `merge 1, "" with "ab", joins nothing, expected two tokens`},
		{"merge of three", `["a b"]`, `["a b ab"]`, `merge is "a b ab", expected two tokens`},
		{"merge that is a number", `["a b"]`, `[7]`, `merge is 7, expected two tokens`},
		{"duplicate id", `"ab":2`, `"ab":1`, `tokenizer.json: tokens "b" and "ab" both have id 1, expected one token for each id`},
		{"duplicate token", `"ab":2`, `"a":2`, `token "a" has ids 0 and 2, expected one id for each token`},
		{"id beyond the vocabulary", `"ab":2`, `"ab":7`, `token "ab" has id 7, expected 0 to 2 for a vocabulary of 3 tokens`},
		{"negative id", `"ab":2`, `"ab":-1`, `token "ab" has id -1, expected 0 to 2`},
		{"id that is no whole number", `"ab":2`, `"ab":1.5`, `token "ab" has the id 1.5, expected a whole number`},
		{"id that is text", `"ab":2`, `"ab":"2"`, `token "ab" has the id 2, expected a number`},
		{"vocabulary that is a list", `{"a":0,"b":1,"ab":2}`, `["a"]`, `vocabulary is not an object, expected tokens with their ids`},
		{"empty vocabulary", `{"a":0,"b":1,"ab":2},"merges":["a b"]`, `{},"merges":[]`, `vocabulary is empty`},
		{"added token with another id", `"id":3`, `"id":5`, `added token "<e>" has id 5, expected 3`},
		{"added token without text", `"content":"<e>"`, `"content":""`, `added token 3 is empty`},
		{"added token with an id as text", `"id":3`, `"id":"3"`, `tokenizer.json:1: "added_tokens.id" is of type string, expected a whole number`},
		{"another model", `"type":"BPE"`, `"type":"WordPiece"`, `model has type "WordPiece", expected BPE`},
		{"model missing", `"model":{"type":"BPE"`, `"modell":{"type":"BPE"`, `tokenizer.json: model is missing, expected BPE`},
		{"dropout", `"dropout":null`, `"dropout":0.1`, `model has dropout 0.1, expected null`},
		{"byte fallback", `"dropout":null`, `"byte_fallback":true`, `model has byte_fallback`},
		{"word suffix", `"dropout":null`, `"end_of_word_suffix":"</w>"`, `model has end_of_word_suffix "</w>"`},
		{"word prefix", `"dropout":null`, `"continuing_subword_prefix":"##"`, `model has continuing_subword_prefix "##"`},
		{"key that is not known", `"dropout":null`, `"drop_out":null`, `model BPE: unknown key "drop_out", expected type, dropout, unk_token,`},
		{"unknown token that is none", `"unk_token":null`, `"unk_token":"?"`, `unk_token is "?", expected a token of the vocabulary`},
		{"another normalizer", `"normalizer":null`, `"normalizer":{"type":"Lowercase"}`, `normalizer has type "Lowercase", expected NFC, NFD, Sequence or null`},
		{"normalizer within a sequence", `"normalizer":null`, `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"}]}`, `normalizer has type "NFKC"`},
		{"normalizer that is text", `"normalizer":null`, `"normalizer":"NFC"`, `normalizer is "NFC", expected an object with a type`},
		{"another pre-tokenizer", `"pre_tokenizer":{"type":"ByteLevel"`, `"pre_tokenizer":{"type":"Metaspace"`, `pre_tokenizer has type "Metaspace", expected ByteLevel, Split, Digits or Sequence`},
		{"pre-tokenizer missing", `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`, `"pre_tokenizer":null`, `pre_tokenizer is missing, expected ByteLevel`},
		{"ByteLevel before others", `"pre_tokenizer":{`, `"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true},{"type":"Digits","individual_digits":true}]},"ignored":{`, `pre_tokenizer is ByteLevel, Digits, expected exactly one ByteLevel and that as the last`},
		{"unknown pattern", `"pre_tokenizer":{`, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false},"ignored":{`, `pre_tokenizer of type Split has the regex "\\w+", expected that of GPT-2, Llama-3 or Qwen2`},
		{"split at plain text", `"pre_tokenizer":{`, `"pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"Isolated","invert":false},"ignored":{`, `pre_tokenizer of type Split has no Regex in its pattern, expected that of GPT-2`},
		{"another split", `"pre_tokenizer":{`, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"x"},"behavior":"Removed","invert":false},"ignored":{`, `has behavior "Removed" and invert false, expected Isolated and false`},
		{"misspelt setting", `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space"`, `"pre_tokenizer":{"type":"ByteLevel","add_prefix_spaces"`, `pre_tokenizer of type ByteLevel: unknown key "add_prefix_spaces", expected type, add_prefix_space, trim_offsets, use_regex`},
		{"setting of a wrong type", `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false`, `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":"no"`, `"add_prefix_space" is of type string, expected true or false`},
		{"another decoder", `"decoder":{"type":"ByteLevel"`, `"decoder":{"type":"WordPiece"`, `decoder has type "WordPiece", expected ByteLevel`},
		{"another post-processor", `"post_processor":null`, `"post_processor":{"type":"BertProcessing"}`, `post_processor has type "BertProcessing", expected ByteLevel, TemplateProcessing, Sequence or null`},
		{"template with an unknown token", `"post_processor":null`, `"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}`, `post_processor TemplateProcessing puts "<s>", expected it among its special_tokens`},
		{"template with an unknown id", `"post_processor":null`, `"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[9],"tokens":["<s>"]}}}`, `post_processor gives "<s>" the id 9, expected 0 to 3`},
		{"two templates", `"post_processor":null`, `"post_processor":{"type":"Sequence","processors":[{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<e>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<e>":{"id":"<e>","ids":[3],"tokens":["<e>"]}}},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<e>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<e>":{"id":"<e>","ids":[3],"tokens":["<e>"]}}}]}`, `post_processor Sequence has two that put tokens, expected at most one`},
		{"template without text", `"post_processor":null`, `"post_processor":{"type":"TemplateProcessing","single":[],"pair":[],"special_tokens":{}}`, `single has no sequence A`},
		{"syntax error", `"dropout":null`, `"dropout":nil`, `tokenizer.json:5: invalid character 'i' in literal null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeFolder(t, map[string]string{tokenizerFile: replaceOnce(t, tinyDocument, c.old, c.replacement)})
			_, err := Load(filepath.Join(dir, tokenizerFile))
			requireRefusal(t, err, tokenizerFile, c.expected)
		})
	}
}

// requireRefusal checks that err is one line of kind Invalid that names the file and says what was expected.
func requireRefusal(t *testing.T, err error, file, expected string) {
	t.Helper()
	require.ErrorContains(t, err, expected)
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, "expected")
	require.NotContains(t, err.Error(), "\n")
	require.True(t, fault.Is(err, fault.Invalid), err)
}

func TestEveryPrefixOfADocumentIsRefused(t *testing.T) {
	for n := range len(tinyDocument) {
		_, err := parseDocument("cut.json", []byte(tinyDocument[:n]))
		require.True(t, fault.Is(err, fault.Invalid), "first %d bytes: %v", n, err)
		require.ErrorContains(t, err, "cut.json:")
	}
	_, err := parseDocument("cut.json", []byte(tinyDocument[:len(tinyDocument)-1]))
	require.ErrorContains(t, err, "cut.json:5: unexpected end of JSON input at byte")
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	_, err := parseDocument("bad.json", []byte("{\n\"a\xff\": 1}"))
	require.EqualError(t, err, "bad.json:2: byte 4 is 0xff, expected UTF-8")
}

func TestBrokenFoldersAreRefused(t *testing.T) {
	document := map[string]string{tokenizerFile: tinyDocument}
	for _, c := range []struct {
		name     string
		files    map[string]string
		file     string
		expected string
	}{
		{"nothing", nil, "", "folder has no tokenizer, expected tokenizer.json, or vocab.json with merges.txt"},
		{"no merges", map[string]string{vocabularyFile: "{}"}, mergesFile, "no such file, expected it beside vocab.json"},
		{"no vocabulary", map[string]string{mergesFile: ""}, vocabularyFile, "no such file, expected it beside merges.txt"},
		{"empty merges", with(tinyPair(), mergesFile, "#version: 0.2\n"), mergesFile, "file has no merges, expected one on each line"},
		{"merge of one", with(tinyPair(), mergesFile, "#version: 0.2\na b\nĠab\n"), "merges.txt:3", `merge is "Ġab", expected two tokens`},
		{"merge of three", with(tinyPair(), mergesFile, "a b Ġ\n"), "merges.txt:1", `expected two tokens with one space between`},
		{"blank line", with(tinyPair(), mergesFile, "a b\n\nĠ ab\n"), "merges.txt:2", `merge is "", expected two tokens`},
		{"merge of an unknown token", with(tinyPair(), mergesFile, "#version: 0.2\na b\nĠ ab\nx b\n"), "merges.txt:4", `merge 3, "x" with "b", names "x"`},
		{"cut vocabulary", with(tinyPair(), vocabularyFile, "{\"a\":0,\n\"b\""), "vocab.json:2", `unexpected end of JSON input`},
		{"unknown class", with(tinyPair(), configFile, `{"tokenizer_class":"LlamaTokenizer"}`), configFile, `tokenizer_class is "LlamaTokenizer", expected GPT2Tokenizer or Qwen2Tokenizer`},
		{"cut configuration", with(tinyPair(), configFile, `{"tokenizer_class":`), configFile, `unexpected end of JSON input`},
		{"role of a wrong type", with(tinyPair(), configFile, `{"eos_token":7}`), configFile, `eos_token: token is 7, expected text or an object with content`},
		{"added token elsewhere", with(tinyPair(), configFile, `{"added_tokens_decoder":{"99":{"content":"<x>"}}}`), configFile, `added token "<x>" has id 99, expected 8`},
		{"added token null", with(tinyPair(), configFile, `{"added_tokens_decoder":{"8":null}}`), configFile, `added_tokens_decoder 8 is null, expected a token`},
		{"legacy token elsewhere", with(tinyPair(), addedFile, `{"<x>":99}`), addedFile, `added token "<x>" has id 99, expected 8`},
		{"prefix space in dispute", with(document, configFile, `{"add_prefix_space":true}`), configFile, `add_prefix_space is true, expected false as in tokenizer.json`},
		{"template of a wrong type", with(tinyPair(), configFile, `{"chat_template":7}`), configFile, `chat_template is 7, expected text or a list of named templates`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeFolder(t, c.files)
			_, err := Load(dir)
			requireRefusal(t, err, filepath.Join(dir, c.file), c.expected)
		})
	}
	_, err := Load(filepath.Join(t.TempDir(), "absent"))
	requireRefusal(t, err, "absent", "no such file or folder")
}

// ggufImage is a GGUF file without tensors, from keys in order.
type ggufImage struct {
	keys  uint64
	bytes []byte
}

func (g *ggufImage) u32(n uint32) { g.bytes = binary.LittleEndian.AppendUint32(g.bytes, n) }
func (g *ggufImage) u64(n uint64) { g.bytes = binary.LittleEndian.AppendUint64(g.bytes, n) }
func (g *ggufImage) text(s string) {
	g.u64(uint64(len(s)))
	g.bytes = append(g.bytes, s...)
}

// set appends a key with a string, an integer, or an array of strings or integers.
func (g *ggufImage) set(key string, value any) *ggufImage {
	g.keys++
	g.text(key)
	switch v := value.(type) {
	case string:
		g.u32(8)
		g.text(v)
	case int:
		g.u32(4)
		g.u32(uint32(v))
	case []string:
		g.u32(9)
		g.u32(8)
		g.u64(uint64(len(v)))
		for _, s := range v {
			g.text(s)
		}
	case []int:
		g.u32(9)
		g.u32(5)
		g.u64(uint64(len(v)))
		for _, n := range v {
			g.u32(uint32(n))
		}
	}
	return g
}

func (g *ggufImage) write(t *testing.T) string {
	t.Helper()
	whole := &ggufImage{bytes: []byte("GGUF")}
	whole.u32(3)
	whole.u64(0)
	whole.u64(g.keys)
	path := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, os.WriteFile(path, append(whole.bytes, g.bytes...), 0o600))
	return path
}

func TestBrokenGGUFTokenizersAreRefused(t *testing.T) {
	tokens, merges := []string{"a", "b", "ab"}, []string{"a b"}
	base := func(model, pre string) *ggufImage {
		return new(ggufImage).set(ggufModel, model).set(ggufPre, pre)
	}
	for _, c := range []struct {
		name     string
		image    *ggufImage
		expected string
	}{
		{"no tokenizer", new(ggufImage), `metadata key "tokenizer.ggml.model" is missing, expected a string`},
		{"another model", base("llama", "default"), `tokenizer.ggml.model is "llama", expected gpt2, the byte-level one`},
		{"another pre-tokenizer", base("gpt2", "falcon"), `tokenizer.ggml.pre is "falcon", expected gpt-2, smollm, llama-bpe or qwen2`},
		{"no tokens", base("gpt2", "gpt-2"), `metadata key "tokenizer.ggml.tokens" is missing`},
		{"no merges", base("gpt2", "gpt-2").set(ggufTokens, tokens), `metadata key "tokenizer.ggml.merges" is missing, expected an array of strings`},
		{"types for other tokens", base("gpt2", "gpt-2").set(ggufTokens, tokens).set(ggufTypes, []int{1}), `token_type has 1 items, expected 3, one for each token`},
		{"merge of one", base("gpt2", "gpt-2").set(ggufTokens, tokens).set(ggufMerges, []string{"a b", "ab"}), `tokenizer.ggml.merges item 1 is "ab", expected two tokens`},
		{"merge of an unknown token", base("gpt2", "gpt-2").set(ggufTokens, tokens).set(ggufMerges, []string{"a c"}), `merge 1, "a" with "c", names "c"`},
		{"token twice", base("gpt2", "gpt-2").set(ggufTokens, []string{"a", "a"}).set(ggufMerges, []string{}), `token "a" has ids 0 and 1`},
		{"role beyond the vocabulary", base("gpt2", "gpt-2").set(ggufTokens, tokens).set(ggufMerges, merges).set("tokenizer.ggml.eos_token_id", 3), `tokenizer.ggml.eos_token_id is 3, expected 0 to 2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.image.write(t))
			requireRefusal(t, err, "model.gguf", c.expected)
		})
	}
	whole, err := Load(base("gpt2", "gpt-2").set(ggufTokens, tokens).set(ggufMerges, merges).write(t))
	require.NoError(t, err)
	require.Equal(t, []int32{2}, whole.Encode("ab"))
}
