package configs

import (
	_ "embed"

	"elara/spec"
)

//go:embed presets.yaml
var presetsYAML []byte

// presetNames lists the presets: one per audience, under its name.
func presetNames() []string {
	var names []string
	for _, audience := range spec.Audiences() {
		names = append(names, string(audience))
	}
	return names
}

// readPresets gives the built-in presets, each laid over what all share, under the table of an adapter.
func readPresets() (map[string]*node, error) {
	tree, err := parse(presetsYAML, origin{file: "presets.yaml (built in)"})
	if err != nil {
		return nil, err
	}
	table := adapterKeys(&adapterFile{plan: &spec.AdapterPlan{}})
	presets := map[string]*node{}
	for _, name := range presetNames() {
		preset := merge(tree.get("shared"), tree.get(name))
		if presets[name], err = table.canonical(preset, name); err != nil {
			return nil, err
		}
	}
	return presets, nil
}
