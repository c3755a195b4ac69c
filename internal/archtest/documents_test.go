package archtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	root, err := Root()
	require.NoError(t, err)
	available, err := Available(root)
	require.NoError(t, err)
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		documents, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, document := range documents {
			text, err := os.ReadFile(document)
			require.NoError(t, err)
			for _, line := range Misleading(string(text), filepath.Dir(document), available) {
				t.Errorf("%s: %s", filepath.Base(document), line)
			}
		}
	}
}

func TestMisleadingDocumentIsFound(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "there.md"), nil, 0o644))
	available := Commands{Targets: []string{"test", "demo"}, Verbs: []string{"up", "run"}, Proofs: []string{"otel"}}
	document := "Type `make test`, `make tset` or `make proof-otel`; `make NAME` is a pattern.\n" +
		"```sh\nmake demo BASE=tiny\nCI=true make dmeo\n$ build/elara up\n$ build/elara pu --json\nmake proof-speed\nls nothing\n```\n" +
		"```go\nmake(chan int)\n```\n" +
		"[a](there.md) [b](there.md#part) [c](gone.md) [d](https://example.org/x)\n"
	require.Equal(t, []string{
		`"CI=true make dmeo": the Makefile has no target dmeo`,
		`"$ build/elara pu --json": elara has no command pu`,
		`"make proof-speed": there is no proof speed`,
		`"make tset": the Makefile has no target tset`,
		"the link gone.md leads nowhere",
	}, Misleading(document, dir, available))
}

func TestCommandsAreReadFromTheSources(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"Makefile":            "SHELL := /bin/bash\n.PHONY: test\ntest: setup ## Run\n\tgo test\nproof-%: build\n",
		"starter/up.go":       "c := &cobra.Command{\n\tUse:   \"up [flags]\",\n}",
		"tests/proof/otel/.d": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	available, err := Available(root)
	require.NoError(t, err)
	require.Equal(t, Commands{Targets: []string{"test"}, Verbs: []string{"help", "completion", "up"}, Proofs: []string{"otel"}}, available)
}
