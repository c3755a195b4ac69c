package configs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// A list of blocks can be given on the command line or in the environment, in the one-line form that YAML and JSON share.
func TestListsOfBlocksCanBeGivenInOneLine(t *testing.T) {
	withoutVariables(t)
	file := write(t, "pipeline.yaml", "name: p\nbase:\n  path: /m\nprepare:\n  sources:\n    - path: /in/the/file.csv\nadapters:\n  - preset: patient\n    name: patient\n")
	here, err := os.Getwd()
	require.NoError(t, err)
	columns := spec.DataSource{QuestionColumn: "question", AnswerColumn: "answer"}
	two := []spec.DataSource{columns, columns}
	two[0].Path, two[0].AudienceColumn = "/a.csv", "audience"
	two[1].Path, two[1].Audiences = filepath.Join(here, "b c.csv"), []spec.Audience{spec.Doctor, spec.Patient}

	for _, text := range []string{
		`[{path: /a.csv, audience_column: audience}, {path: b c.csv, audiences: [doctor, patient]}]`,
		`[{"path":"/a.csv","audience_column":"audience"},{"path":"b c.csv","audiences":["doctor","patient"]}]`,
	} {
		p, err := LoadPipeline(file, map[string]any{"prepare.sources": text})
		require.NoError(t, err)
		require.Equal(t, two, p.Input.Prepare.Sources)
		t.Setenv("ELARA_PREPARE_SOURCES", text)
		p, err = LoadPipeline(file, nil)
		require.NoError(t, err)
		require.Equal(t, two, p.Input.Prepare.Sources)
		require.NoError(t, os.Unsetenv("ELARA_PREPARE_SOURCES"))
	}
}

func TestOneLineThatIsNoListOfBlocksSaysWhatToWrite(t *testing.T) {
	withoutVariables(t)
	file := write(t, "pipeline.yaml", "name: p\nbase:\n  path: /m\nadapters:\n  - preset: patient\n    name: patient\n")
	for text, want := range map[string]string{
		"/data/rows.csv":   `override prepare.sources: expected a list of blocks in one line, such as [{path: …}, {path: …}]; found /data/rows.csv`,
		"{path: /a.csv}":   `override prepare.sources: expected a list of blocks in one line, such as [{path: …}, {path: …}]; found {path: /a.csv}`,
		"[{path: /a.csv}":  `override prepare.sources: not YAML: did not find expected ',' or ']'`,
		"[{pth: /a.csv}]":  `override prepare.sources: prepare.sources[].pth: unknown key (did you mean "path"?)`,
		"[]":               `override prepare.sources: prepare.sources: the list is empty, expected at least one entry`,
		"[{path: *a}]":     `override prepare.sources: not YAML: unknown anchor 'a' referenced`,
		"[{path: [1, 2]}]": `override prepare.sources: prepare.sources[0].path: expected a path, found a list`,
		"[/a.csv, /b.csv]": `override prepare.sources: prepare.sources[]: expected a block of keys, found the text "/a.csv"`,
	} {
		_, err := LoadPipeline(file, map[string]any{"prepare.sources": text})
		refused(t, err, file, want)
	}
}
