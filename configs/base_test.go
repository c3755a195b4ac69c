package configs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBaseModelOfATrainingFileIsAPathOrANameOnAHub(t *testing.T) {
	for text, want := range map[string]string{
		"base":                               "/base", // it lies beside the file
		"./base":                             "/base",
		"owner/there":                        "/owner/there",
		"microsoft/DialoGPT-medium":          "microsoft/DialoGPT-medium",
		"microsoft/DialoGPT-medium@refs/p/1": "microsoft/DialoGPT-medium@refs/p/1",
		"gpt2":                               "gpt2",
	} {
		path := guideLike(t, `"base"`, `"`+text+`"`)
		folder := filepath.Dir(path)
		require.NoError(t, os.MkdirAll(filepath.Join(folder, "owner/there"), 0o700))
		job, _, err := LoadLoRAJob(path)
		require.NoError(t, err, text)
		if want[0] == '/' {
			want = folder + want
		}
		require.Equal(t, want, job.BaseModel)
	}
}

func TestBaseModelThatIsNeitherAPathNorANameIsRefused(t *testing.T) {
	const gone = "cannot be opened: no such file or directory, expected a model folder or a .gguf file; a name on a hub is owner/name"
	const neither = "cannot be opened (no such file or directory), and it is not a name on a hub, expected a model folder, a .gguf file, or owner/name"
	for text, want := range map[string]string{
		"./models/base":                      `"./models/base" ` + gone,
		"../microsoft/DialoGPT-medium":       `"../microsoft/DialoGPT-medium" ` + gone,
		"/models/base":                       `"/models/base" ` + gone,
		"owner/tiny.GGUF":                    `"owner/tiny.GGUF" ` + gone,
		"models/microsoft/DialoGPT-medium":   `"models/microsoft/DialoGPT-medium" ` + neither,
		"my model":                           `"my model" ` + neither,
		"microsoft/DialoGPT-medium@":         `"microsoft/DialoGPT-medium@" ` + neither,
		"~/models/base":                      "'~' is not expanded, write the folder out",
		"microsoft/DialoGPT-medium@../other": `"microsoft/DialoGPT-medium@../other" ` + neither,
	} {
		path := guideLike(t, `"base"`, `"`+text+`"`)
		_, _, err := LoadLoRAJob(path)
		refused(t, err, path, "job.json:2: base_model: "+want)
	}
}

func TestPipelineNamesItsBaseByPathOrByName(t *testing.T) {
	withoutVariables(t)
	const path = "base:\n  path: model.gguf\n"
	load := func(base string) (Pipeline, string, error) {
		file := write(t, "p.yaml", replaced(t, smallPipeline, path, base))
		p, err := LoadPipeline(file, nil)
		return p, file, err
	}
	p, _, err := load("base: {name: microsoft/DialoGPT-medium}\n")
	require.NoError(t, err)
	require.Equal(t, "microsoft/DialoGPT-medium", p.Input.Base.Name)
	require.Empty(t, p.Input.Base.Path)

	for base, want := range map[string]string{
		"base: {name: a/b, path: c}\n": "p.yaml:2: base: has path and name, expected one of them",
		"base: {}\n":                   "p.yaml:2: base: has neither path nor name, expected one of them",
		"":                             "p.yaml:1: base: has neither path nor name, expected one of them",
		"base: {name: ./models}\n":     `p.yaml:2: base.name: expected owner/name or owner/name@revision, found the text "./models"`,
		"base: {name: a/b/c}\n":        `p.yaml:2: base.name: expected owner/name or owner/name@revision, found the text "a/b/c"`,
		"base: {artifact: abc}\n":      "p.yaml:2: base.artifact: unknown key",
	} {
		_, file, err := load(base)
		refused(t, err, file, want)
	}
}
