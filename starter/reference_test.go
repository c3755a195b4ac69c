package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/require"
)

// referenceFile is the page that documents every verb.
const referenceFile = "../docs/cli.md"

// TestCommandReferenceIsUpToDate compares docs/cli.md with what the verbs say about themselves.
//
//	go test ./starter -run TestCommandReferenceIsUpToDate -update
func TestCommandReferenceIsUpToDate(t *testing.T) {
	got := reference(t)
	if *update {
		require.NoError(t, os.WriteFile(referenceFile, []byte(got), 0o644))
	}
	want, err := os.ReadFile(referenceFile)
	require.NoError(t, err, "go test ./starter -run %s -update writes it", t.Name())
	old, now := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i, line := range now {
		if i >= len(old) || old[i] != line {
			t.Fatalf("docs/cli.md:%d is out of date, expected %q; go test ./starter -run %s -update writes it anew", i+1, line, t.Name())
		}
	}
	require.Len(t, old, len(now), "docs/cli.md says more than the verbs do; -update writes it anew")
}

// reference puts the pages that cobra makes of the verbs into one, in the order of the help.
func reference(t *testing.T) string {
	var b bytes.Buffer
	b.WriteString("<!-- Written by go test ./starter -run TestCommandReferenceIsUpToDate -update. -->\n\n# The elara command\n\n")
	var add func(command *cobra.Command)
	add = func(command *cobra.Command) {
		command.DisableAutoGenTag = true
		var page bytes.Buffer
		require.NoError(t, doc.GenMarkdownCustom(command, &page, func(link string) string { return link }))
		// The settings stand on the first page; cobra repeats them on every one.
		own, _, _ := strings.Cut(page.String(), "### Options inherited from parent commands")
		own, _, _ = strings.Cut(own, "### SEE ALSO")
		b.WriteString(own)
		for _, sub := range command.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
				add(sub)
			}
		}
	}
	root := newRoot(&app{})
	add(root)
	return strings.TrimRight(b.String(), "\n") + "\n"
}
