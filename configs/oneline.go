package configs

import (
	"errors"
	"strings"

	"elara/spec/fault"
)

// blocksOf reads a list of blocks that the environment or a flag gives as text: in one line, as YAML and JSON both write it.
// Any other text says what to write instead. The value keeps the place of the whole text, which has no lines.
func blocksOf(word *node, k key) (*node, error) {
	if !strings.HasPrefix(strings.TrimSpace(word.text), "[") {
		first := k.element.keys[0].name
		return nil, word.origin.errorf("expected a list of blocks in one line, such as [{%s: …}, {%s: …}]; found %s", first, first, word.text)
	}
	list, err := parseYAML([]byte(word.text), word.origin)
	var placed *fault.Error
	if errors.As(err, &placed) {
		return nil, word.origin.errorf("%w", placed.Err) // the text has one line only: it need not be named
	}
	if err != nil {
		return nil, err
	}
	list.moveTo(word.origin)
	return list, nil
}

// moveTo gives the value, and all below it, another origin.
func (n *node) moveTo(to origin) {
	n.origin = to
	for i := range n.fields {
		n.fields[i].at = to
		n.fields[i].value.moveTo(to)
	}
	for _, item := range n.items {
		item.moveTo(to)
	}
}
