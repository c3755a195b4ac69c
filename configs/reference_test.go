package configs

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md and docs/training-keys.md")

func TestReferenceDocumentIsCurrent(t *testing.T) {
	for document, text := range map[string]string{"../docs/configuration.md": Reference(), "../docs/training-keys.md": TrainingReference()} {
		if *update {
			require.NoError(t, os.WriteFile(document, []byte(text), 0o644))
		}
		written, err := os.ReadFile(document)
		require.NoError(t, err)
		require.Equal(t, string(written), text, "run: go generate ./configs")
	}
}
