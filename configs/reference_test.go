package configs

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

func TestReferenceDocumentIsCurrent(t *testing.T) {
	const document = "../docs/configuration.md"
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(Reference()), 0o644))
	}
	written, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, string(written), Reference(), "run: go generate ./configs")
}
