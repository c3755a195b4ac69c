package torchfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// FuzzParse changes files of torch.save: whatever comes, it ends in an error with a kind, or in tensors that lie inside.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.bin")
	require.NoError(f, err)
	require.Greater(f, len(seeds), 20)
	for _, seed := range seeds {
		content, err := os.ReadFile(seed)
		require.NoError(f, err)
		f.Add(content)
	}
	f.Add(legacy(entries("w", tensorOf(reference("7", 4, "N"), 0, []int{2, 2}, []int{1, 2})), map[string]int{"7": 4}, "7"))
	f.Fuzz(func(t *testing.T, content []byte) {
		tensors, err := parseBytes(content)
		if err != nil {
			var kind *fault.Error
			require.True(t, errors.As(err, &kind), "an error without a kind: %v", err)
			return
		}
		for _, tensor := range tensors {
			at, span := tensor.root.at+tensor.first*tensor.DType.Size(), tensor.span()*tensor.DType.Size()
			if tensor.elements == 0 {
				continue
			}
			require.LessOrEqual(t, at+span, int64(len(content)))
			numbers := make([]byte, span)
			_, err := bytes.NewReader(content).ReadAt(numbers, at)
			require.NoError(t, err)
			require.Len(t, layOut(tensor, numbers), int(tensor.SizeBytes()))
		}
	})
}
