package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"elara/data/hub"
	"elara/spec"
	"elara/spec/fault"
)

// baseModelKind is what a text that gives a base model may be.
const baseModelKind = "a path, or owner/name of a model on a hub"

// HubName reads a text that gives a base model. It means a path, and isName is false, where something lies at that path,
// which the caller has resolved, and where the text begins as a path does or ends in .gguf; otherwise it means a model on
// a hub.
func HubName(text, path string) (name hub.Name, isName bool, err error) {
	if filepath.IsAbs(text) || strings.HasPrefix(text, ".") || strings.HasPrefix(text, "~") || strings.EqualFold(filepath.Ext(text), ".gguf") {
		return hub.Name{}, false, nil
	}
	_, missing := os.Stat(path)
	if missing == nil {
		return hub.Name{}, false, nil
	}
	if name, err = hub.ParseName(text); err != nil {
		return hub.Name{}, false, fault.New(fault.Invalid, "%q cannot be opened (%w), and it is not a name on a hub, expected a model folder, a .gguf file, or owner/name", text, unwrapPath(missing))
	}
	return name, true, nil
}

// baseModel gives the path that a text means, absolute, or the name on a hub, as it is written. A path leads somewhere.
func (n *node) baseModel() (string, error) {
	path, err := n.origin.resolve(n.text)
	if err != nil {
		return "", err
	}
	_, isName, err := HubName(n.text, path)
	if err != nil || isName {
		return n.text, err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%q cannot be opened: %w, expected a model folder or a .gguf file; a name on a hub is owner/name", n.text, unwrapPath(err))
	}
	return path, nil
}

// hubName is the form of a name on a hub.
func hubName() form {
	return accepted(func(text string) error { _, err := hub.ParseName(text); return err }, "owner/name or owner/name@revision")
}

// baseKeys is the table of the block base.
func baseKeys(base *spec.BaseSource) *section {
	return &section{keys: []key{
		path("path", &base.Path, "", "Base model: a folder in Hugging Face form, or a .gguf file, that the worker can read."),
		text("name", &base.Name, "", hubName(), "Base model by its name on a hub, which the worker fetches; instead of path. See docs/hub.md."),
	}}
}

// settleBase wants exactly one way to the base model.
func (r *pipelineReader) settleBase(tree *node) error {
	base, at := r.pipeline.Input.Base, tree.place("base")
	switch {
	case base.Path != "" && base.Name != "":
		return at.errorf("base: has path and name, expected one of them")
	case base.Path == "" && base.Name == "":
		return at.errorf("base: has neither path nor name, expected one of them")
	}
	return nil
}
