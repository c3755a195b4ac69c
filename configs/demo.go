package configs

import (
	"embed"

	"elara/spec/fault"
)

//go:embed demo.yaml demo-tiny.yaml
var demoFiles embed.FS

// Demo gives the text of a built-in pipeline file: "demo" or "demo-tiny".
func Demo(name string) ([]byte, error) {
	content, err := demoFiles.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fault.New(fault.Invalid, "built-in pipeline %q: expected demo or demo-tiny", name)
	}
	return content, nil
}

// LoadDemo reads a built-in pipeline as LoadPipeline reads a file. The overrides must give what the file leaves open:
// base.path and prepare.sources.
func LoadDemo(name string, overrides map[string]any) (Pipeline, error) {
	content, err := Demo(name)
	if err != nil {
		return Pipeline{}, err
	}
	tree, err := parse(content, origin{file: name + ".yaml (built in)"})
	if err != nil {
		return Pipeline{}, err
	}
	return decodePipeline(tree, overrides)
}
