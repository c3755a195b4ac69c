package configs

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads one YAML document with the line of every key and value. Anchors, aliases, merge keys and tags are
// refused: a configuration reads top to bottom, and a small file cannot grow.
func parseYAML(content []byte, from origin) (*node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, from.errorf("is empty, expected keys and values")
		}
		return nil, yamlError(err, content, from)
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		return nil, from.at(second.Line).errorf("a second YAML document begins, expected one")
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(err, content, from)
	}
	return fromYAML(document.Content[0], from, 0)
}

func fromYAML(y *yaml.Node, from origin, depth int) (*node, error) {
	at := from.at(y.Line)
	switch {
	case y.Kind == yaml.AliasNode:
		return nil, at.errorf("alias *%s: aliases are not read, write the value out", y.Value)
	case y.Anchor != "":
		return nil, at.errorf("anchor &%s: anchors are not read, write the value out", y.Anchor)
	case y.Style&yaml.TaggedStyle != 0:
		return nil, at.errorf("tag %s: tags are not read, write a plain value", y.Tag)
	case depth > maxDepth:
		return nil, at.errorf("nested more than %d deep", maxDepth)
	}
	switch y.Kind {
	case yaml.MappingNode:
		return yamlObject(y, from, depth)
	case yaml.SequenceNode:
		list := &node{shape: shapeList, origin: at}
		for _, item := range y.Content {
			child, err := fromYAML(item, from, depth+1)
			if err != nil {
				return nil, err
			}
			list.items = append(list.items, child)
		}
		return list, nil
	default:
		shape, text := scalar(y)
		return &node{shape: shape, text: text, origin: at}, nil
	}
}

func yamlObject(y *yaml.Node, from origin, depth int) (*node, error) {
	object := &node{shape: shapeObject, origin: from.at(y.Line)}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		at := from.at(key.Line)
		if key.Kind != yaml.ScalarNode || key.Value == "<<" {
			return nil, at.errorf("expected a plain key")
		}
		value, err := fromYAML(y.Content[i+1], from, depth+1)
		if err != nil {
			return nil, err
		}
		if value.shape == shapeObject {
			value.origin = at // the block begins where its key stands, not at its first inner key
		}
		if err := addField(object, key.Value, at, value); err != nil {
			return nil, err
		}
	}
	return object, nil
}

// numberLike is what a person means as a number, whether or not it can be held.
var numberLike = regexp.MustCompile(`^[-+]?[0-9.][0-9_.]*([eE][-+]?[0-9]+)?$`)

// scalar follows YAML 1.2: `no` and `yes` are text, so `eval_strategy: no` says what it looks like, and a boolean
// written so is refused where a boolean is expected.
func scalar(y *yaml.Node) (shape, string) {
	switch tag := y.ShortTag(); {
	case tag == "!!int", tag == "!!float", y.Style == 0 && numberLike.MatchString(y.Value):
		return shapeNumber, y.Value
	case tag == "!!bool":
		return shapeBoolean, strings.ToLower(y.Value)
	case tag == "!!null":
		return shapeNull, y.Value
	default:
		return shapeText, y.Value
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlError turns the parser's error into a located one. Its most common cause, a tab used to indent, is named.
func yamlError(err error, content []byte, from origin) error {
	for i, line := range strings.Split(string(content), "\n") {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			return from.at(i + 1).errorf("a tab indents this line, expected spaces")
		}
	}
	message, line := err.Error(), 0
	if parts := yamlLine.FindStringSubmatch(message); parts != nil {
		message = parts[2]
		if n, convErr := strconv.Atoi(parts[1]); convErr == nil {
			line = n
		}
	}
	return from.at(line).errorf("not YAML: %s", strings.ReplaceAll(message, "\n", " "))
}
