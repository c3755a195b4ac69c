package sample

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"elara/spec/fault"
)

//go:embed facts/*.yaml
var factFiles embed.FS

// factFile is one body system.
type factFile struct {
	System     string      `yaml:"system"`
	Conditions []Condition `yaml:"conditions"`
}

// Facts gives the table of facts, checked, in the order of the files' names and of the entries in each.
func Facts() ([]Condition, error) {
	files, err := fs.Sub(factFiles, "facts")
	if err != nil {
		return nil, fmt.Errorf("open embedded facts: %w", err)
	}
	return readFacts(files)
}

// readFacts reads and checks the YAML files of one folder. An unknown key is refused, like a missing one.
func readFacts(folder fs.FS) ([]Condition, error) {
	names, err := fs.Glob(folder, "*.yaml") // sorted
	if err != nil {
		return nil, fmt.Errorf("list facts: %w", err)
	}
	var all []Condition
	seen := map[string]string{}
	for _, name := range names {
		var file factFile
		if err := decodeStrict(folder, name, &file); err != nil {
			return nil, err
		}
		if file.System == "" || len(file.Conditions) == 0 {
			return nil, fault.At(name, 0, `expected "system" and at least one entry under "conditions"`)
		}
		for _, condition := range file.Conditions {
			condition.System = file.System
			if err := condition.check(); err != nil {
				return nil, fault.At(name, 0, "condition %q: %w", condition.ID, err)
			}
			if earlier, isKnown := seen[condition.ID]; isKnown {
				return nil, fault.At(name, 0, "condition %q is in %s too; expected each once", condition.ID, earlier)
			}
			seen[condition.ID] = name
			all = append(all, condition)
		}
	}
	return all, nil
}

// decodeStrict reads one YAML document whose every key must be known.
func decodeStrict(folder fs.FS, name string, into any) error {
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Base(name), err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fault.At(name, 0, "%s", strings.Join(strings.Fields(err.Error()), " ")) // the decoder's list, on one line
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fault.At(name, 0, "more than one YAML document; expected one")
	}
	return nil
}
