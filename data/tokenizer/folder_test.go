package tokenizer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// tinyPair is a vocabulary of eight tokens with two merges.
func tinyPair() map[string]string {
	return map[string]string{
		vocabularyFile: `{"a":0,"b":1,"Ġ":2,"ab":3,"Ġab":4,"<|endoftext|>":5,"1":6,"2":7}`,
		mergesFile:     "#version: 0.2\na b\nĠ ab\n",
	}
}

// with gives the files and one more.
func with(files map[string]string, name, text string) map[string]string {
	files[name] = text
	return files
}

func TestPairOfFilesIsGPT2(t *testing.T) {
	tokenizer, err := Load(writeFolder(t, tinyPair()))
	require.NoError(t, err)
	require.Equal(t, []int32{3, 4, 0, 5, 2, 6}, tokenizer.Encode("ab aba<|endoftext|> 1"))
	require.Empty(t, tokenizer.Encode("c"), "a byte without a token is dropped")
	id, end, ok := tokenizer.EOS()
	require.True(t, ok)
	require.EqualValues(t, 5, id)
	require.Equal(t, "<|endoftext|>", end)
	_, _, ok = tokenizer.PAD()
	require.False(t, ok)
}

func TestClassDecidesThePipelineOfAPair(t *testing.T) {
	gpt2, err := Load(writeFolder(t, with(tinyPair(), configFile, `{"tokenizer_class":"GPT2TokenizerFast","add_prefix_space":true}`)))
	require.NoError(t, err)
	require.Equal(t, []int32{4}, gpt2.Encode("ab"))
	qwen2, err := Load(writeFolder(t, with(tinyPair(), configFile, `{"tokenizer_class":"Qwen2Tokenizer"}`)))
	require.NoError(t, err)
	_, pad, ok := qwen2.PAD()
	require.True(t, ok)
	require.Equal(t, "<|endoftext|>", pad)
	require.Equal(t, "nfc qwen2 ", qwen2.pipeline.describe())
}

func TestConfigurationNamesRolesAndAddsTokens(t *testing.T) {
	config := `{"bos_token":"<s>","eos_token":{"content":"</s>","lstrip":true},"pad_token":null,"unk_token":"a",
		"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"{{ d }}"}],
		"additional_special_tokens":["<x>"]}`
	tokenizer, err := Load(writeFolder(t, with(tinyPair(), configFile, config)))
	require.NoError(t, err)
	// transformers adds missing roles in its own order, beginning, end, unknown, and then the additional ones.
	require.Equal(t, []int32{8, 9, 10}, tokenizer.Encode("<s></s><x>"))
	require.Equal(t, []int32{7, 9}, tokenizer.Encode("2  </s>"), "the end token takes the space before it along")
	require.Equal(t, "b", tokenizer.Decode([]int32{8, 0, 1, 9}, true), "the unknown token is a special one")
	_, _, ok := tokenizer.PAD()
	require.False(t, ok)
	require.Equal(t, "{{ d }}", tokenizer.ChatTemplate())
}

func TestOlderFilesOverruleAConfigurationWithoutAddedTokens(t *testing.T) {
	files := with(tinyPair(), configFile, `{"eos_token":"a","chat_template":"old"}`)
	files[specialFile] = `{"eos_token":"<end>","pad_token":"<pad>"}`
	files[addedFile] = `{"<pad>":9,"<end>":8,"dose":10}`
	files[jinjaFile] = "new\n"
	tokenizer, err := Load(writeFolder(t, files))
	require.NoError(t, err)
	id, end, _ := tokenizer.EOS()
	require.EqualValues(t, 8, id)
	require.Equal(t, "<end>", end)
	id, _, _ = tokenizer.PAD()
	require.EqualValues(t, 9, id)
	require.Equal(t, []int32{10}, tokenizer.Encode("dose"))
	require.Equal(t, "dose", tokenizer.Decode([]int32{8, 9, 10}, true), "only tokens with a role are special")
	require.Equal(t, "new\n", tokenizer.ChatTemplate())

	complete := `{"eos_token":"a","added_tokens_decoder":{"5":{"content":"<|endoftext|>","special":true}}}`
	tokenizer, err = Load(writeFolder(t, with(files, configFile, complete)))
	require.NoError(t, err)
	_, end, _ = tokenizer.EOS()
	require.Equal(t, "a", end)
	require.Equal(t, 8, tokenizer.VocabSize())
}

func TestSettingsOfACallAreNotApplied(t *testing.T) {
	tokenizer := loadSmall(t, "gpt2.json")
	text := readFile(t, "testdata/small/gpt2.json")
	cut := replaceOnce(t, text, `"truncation":null`, `"truncation":{"direction":"Right","max_length":1,"strategy":"LongestFirst","stride":0}`)
	dir := writeFolder(t, map[string]string{tokenizerFile: cut})
	again, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, tokenizer.Encode("three words here"), again.Encode("three words here"))
	_, err = again.SetPAD("<PAD>")
	require.NoError(t, err)
	saved := t.TempDir()
	require.NoError(t, again.Save(saved))
	require.Contains(t, readAll(t, saved)[tokenizerFile], `"max_length":1`)
}
