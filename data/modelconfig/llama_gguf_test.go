package modelconfig

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/gguf"
	"elara/spec/fault"
)

// after replaces bytes that follow a text in a file, skipping some first; the text must be there once.
func after(t *testing.T, file []byte, text string, skip int, with []byte) []byte {
	t.Helper()
	require.Equal(t, 1, bytes.Count(file, []byte(text)))
	out := bytes.Clone(file)
	copy(out[bytes.Index(file, []byte(text))+len(text)+skip:], with)
	return out
}

func TestWhatAGGUFFileAsksForAndIsNotDoneIsRefusedByName(t *testing.T) {
	number := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	float := func(v float32) []byte { return number(math.Float32bits(v)) }
	for name, c := range map[string]struct {
		file string
		edit func([]byte) []byte
		want string
	}{
		"another architecture": {"llama3", func(b []byte) []byte { return after(t, b, "general.architecture", 12, []byte("mamba")) },
			`architecture "mamba" is not supported, expected llama, qwen2 or qwen3`},
		"part of the head rotated": {"qwen3", func(b []byte) []byte { return after(t, b, "qwen3.rope.dimension_count", 4, number(6)) },
			`metadata key "qwen3.rope.dimension_count" is 6, which is not supported, expected 12`},
		"values of another width": {"qwen3", func(b []byte) []byte { return after(t, b, "qwen3.attention.value_length", 4, number(10)) },
			`metadata key "qwen3.attention.value_length" is 10, which is not supported, expected 12`},
		"end of text beyond the vocabulary": {"qwen2", func(b []byte) []byte { return after(t, b, "tokenizer.ggml.eos_token_id", 4, number(64)) },
			`metadata key "tokenizer.ggml.eos_token_id" is 64, expected a token below 64`},
		"divisors of another scaling": {"llama3", func(b []byte) []byte {
			// The divisors are the file's first tensor: 1, 1, a blend, 8.
			at := bytes.Index(b, append(float(1), float(1)...))
			require.Positive(t, at)
			out := bytes.Clone(b)
			copy(out[at+4:], float(2))
			return out
		}, `rope_freqs.weight[1] is 2, expected 1 as in Llama 3 with factor 8`},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("..", "..", "engine", "model", "auto", "testdata", c.file+".gguf"))
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "edited.gguf")
			require.NoError(t, os.WriteFile(path, c.edit(data), 0o644))
			file, err := gguf.Open(path)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, file.Close()) })
			_, err = LlamaFromGGUF(file)
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
}
