package tokenizer

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// transformersView is what tests/peer/tokenizer/saved.py prints.
type transformersView struct {
	Len      int
	EOS, PAD string
	PadID    int32 `json:"pad_id"`
	Texts    []string
	IDs      [][]int32
}

// peerPython is the Python that ELARA_PEER_PYTHON names; the test is skipped without it.
func peerPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("ELARA_PEER_PYTHON")
	if python == "" {
		t.Skip("ELARA_PEER_PYTHON does not name a Python with transformers 5.23.0")
	}
	return python
}

// openInTransformers loads a folder with transformers.
func openInTransformers(t *testing.T, python string, args ...string) transformersView {
	t.Helper()
	command := exec.Command(python, append([]string{"-B", "../../tests/peer/tokenizer/saved.py"}, args...)...)
	command.Stderr = os.Stderr
	text, err := command.Output()
	require.NoError(t, err)
	var view transformersView
	require.NoError(t, json.Unmarshal(text, &view))
	return view
}

func requireSameView(t *testing.T, tokenizer *Tokenizer, view transformersView) {
	t.Helper()
	require.Equal(t, tokenizer.VocabSize(), view.Len)
	_, end, _ := tokenizer.EOS()
	require.Equal(t, end, view.EOS)
	if id, pad, ok := tokenizer.PAD(); ok {
		require.Equal(t, pad, view.PAD)
		require.Equal(t, id, view.PadID)
	}
	for i, text := range view.Texts {
		got := tokenizer.Encode(text)
		require.True(t, equalIDs(view.IDs[i], got), "%q: got %v, transformers %v", text, got, view.IDs[i])
	}
}

func TestSavedFilesLoadInTransformers(t *testing.T) {
	python := peerPython(t)
	for _, name := range realVocabularies() {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadReal(t, name)
			plain := t.TempDir()
			require.NoError(t, tokenizer.Save(plain))
			requireSameView(t, tokenizer, openInTransformers(t, python, plain))

			_, err := tokenizer.SetPAD("<PAD>")
			require.NoError(t, err)
			padded := t.TempDir()
			require.NoError(t, tokenizer.Save(padded))
			requireSameView(t, tokenizer, openInTransformers(t, python, padded))
			// What transformers itself makes of the plain folder when it adds the token.
			requireSameView(t, tokenizer, openInTransformers(t, python, plain, "<PAD>"))
		})
	}
}

func TestSavedFilesLoadAgainAsTheSameTokenizer(t *testing.T) {
	for _, name := range realVocabularies() {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadReal(t, name)
			size := tokenizer.VocabSize()
			id, err := tokenizer.SetPAD("<PAD>")
			require.NoError(t, err)
			require.EqualValues(t, size, id)
			dir := t.TempDir()
			require.NoError(t, tokenizer.Save(dir))
			again, err := Load(dir)
			require.NoError(t, err)
			require.Equal(t, tokenizer.Hash(), again.Hash())
			require.Equal(t, tokenizer.special, again.special)
			require.Equal(t, tokenizer.ChatTemplate(), again.ChatTemplate())
			require.Equal(t, []int32{id}, again.Encode("<PAD>"))
		})
	}
}

func TestUnchangedFilesAreSavedByteForByte(t *testing.T) {
	dir := writeFolder(t, map[string]string{
		tokenizerFile: readFile(t, "testdata/small/qwen2.json"),
		configFile:    `{ "eos_token": "<end>",   "model_max_length": 7, "chat_template": "{{ x }}" }`,
		specialFile:   `{"eos_token":{"content":"<end>","lstrip":false,"rstrip":false,"single_word":false,"normalized":false}}`,
	})
	tokenizer, err := Load(dir)
	require.NoError(t, err)
	saved := filepath.Join(t.TempDir(), "deep", "er")
	require.NoError(t, tokenizer.Save(saved))
	require.Equal(t, readAll(t, dir), readAll(t, saved))
}

func TestSetPADChangesOnlyWhatItMust(t *testing.T) {
	dir := writeFolder(t, map[string]string{
		tokenizerFile: readFile(t, "testdata/small/gpt2.json"),
		configFile: `{"eos_token": "<|endoftext|>", "model_max_length": 7, "chat_template": "<b>{{ x }}</b>",
			"added_tokens_decoder": {"0": {"content": "<|endoftext|>", "special": true, "lstrip": false, "rstrip": false, "single_word": false, "normalized": false}}}`,
	})
	tokenizer, err := Load(dir)
	require.NoError(t, err)
	_, err = tokenizer.SetPAD("<PAD>")
	require.NoError(t, err)
	saved := t.TempDir()
	require.NoError(t, tokenizer.Save(saved))
	files := readAll(t, saved)
	require.Equal(t, []string{"merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"},
		slices.Sorted(maps.Keys(files)))
	require.Equal(t, `{
  "added_tokens_decoder": {
    "0": {
      "content": "<|endoftext|>",
      "single_word": false,
      "lstrip": false,
      "rstrip": false,
      "normalized": false,
      "special": true
    },
    "520": {
      "content": "<PAD>",
      "single_word": false,
      "lstrip": false,
      "rstrip": false,
      "normalized": false,
      "special": true
    }
  },
  "chat_template": "<b>{{ x }}</b>",
  "eos_token": "<|endoftext|>",
  "model_max_length": 7,
  "pad_token": "<PAD>"
}
`, files[configFile])
	require.Equal(t, "{\n  \"eos_token\": \"<|endoftext|>\",\n  \"pad_token\": \"<PAD>\"\n}\n", files[specialFile])
	var before, after map[string]any
	require.NoError(t, json.Unmarshal([]byte(readFile(t, "testdata/small/gpt2.json")), &before))
	require.NoError(t, json.Unmarshal([]byte(files[tokenizerFile]), &after))
	before["added_tokens"] = append(before["added_tokens"].([]any), map[string]any{"id": 520.0, "content": "<PAD>",
		"special": true, "lstrip": false, "rstrip": false, "single_word": false, "normalized": false})
	require.Equal(t, before, after)
}

// writeFolder makes a folder with the files.
func writeFolder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func readAll(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := make(map[string]string)
	for _, entry := range entries {
		files[entry.Name()] = readFile(t, filepath.Join(dir, entry.Name()))
	}
	return files
}

func TestFilesAreMadeForATokenizerOutOfGGUF(t *testing.T) {
	tokenizer := loadSmall(t, "llama-bpe.gguf")
	dir := t.TempDir()
	require.NoError(t, tokenizer.Save(dir))
	files := readAll(t, dir)
	require.Equal(t, []string{specialFile, tokenizerFile, configFile}, slices.Sorted(maps.Keys(files)))
	require.JSONEq(t, `{"bos_token":"<|begin|>","eos_token":"<|finish|>","chat_template":"{{ x }}",
		"clean_up_tokenization_spaces":false,"tokenizer_class":"PreTrainedTokenizerFast"}`, files[configFile])
	require.JSONEq(t, `{"bos_token":"<|begin|>","eos_token":"<|finish|>"}`, files[specialFile])
	require.Contains(t, files[tokenizerFile], `"ignore_merges":true`)
}
