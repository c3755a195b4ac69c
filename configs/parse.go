package configs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"elara/spec/fault"
)

// Limits of what is parsed at all: a configuration is written by a person.
const (
	maxFileBytes = 1 << 20
	maxDepth     = 32
)

// parseFile reads one file into nodes: JSON when its name ends in .json, YAML otherwise.
func parseFile(path string) (*node, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fault.At(path, 0, "cannot be read: %w", unwrapPath(err))
	case info.IsDir():
		return nil, fault.At(path, 0, "is a folder, expected a file")
	case info.Size() > maxFileBytes:
		return nil, fault.At(path, 0, "has %d bytes, expected at most %d", info.Size(), maxFileBytes)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.At(path, 0, "cannot be read: %w", unwrapPath(err))
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fault.At(path, 0, "its folder cannot be found: %w", err)
	}
	return parse(content, origin{file: path, dir: dir})
}

// unwrapPath drops the path that the operating system's error repeats.
func unwrapPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// parse turns text into nodes. The top must be an object.
func parse(content []byte, from origin) (*node, error) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(content) {
		return nil, from.at(lineOfInvalid(content)).errorf("holds a byte that is not UTF-8")
	}
	var top *node
	var err error
	if strings.EqualFold(filepath.Ext(from.file), ".json") {
		top, err = parseJSON(content, from)
	} else {
		top, err = parseYAML(content, from)
	}
	if err != nil {
		return nil, err
	}
	if top.shape != shapeObject {
		return nil, top.origin.errorf("expected keys and values at the top, found %s", top.found())
	}
	return top, nil
}

// at gives the same place with another line.
func (o origin) at(line int) origin {
	o.line = line
	return o
}

// lineOf gives the 1-based line of a byte offset.
func lineOf(content []byte, offset int64) int {
	offset = min(offset, int64(len(content)))
	return 1 + bytes.Count(content[:offset], []byte("\n"))
}

func lineOfInvalid(content []byte) int {
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && size == 1 {
			return lineOf(content, int64(i))
		}
		i += size
	}
	return 0
}

// addField appends a key to an object and refuses the second of its name.
func addField(object *node, name string, at origin, value *node) error {
	for _, f := range object.fields {
		if f.name == name {
			return at.errorf("key %q stands here a second time, first in line %d", name, f.at.line)
		}
	}
	object.fields = append(object.fields, field{name: name, at: at, value: value})
	return nil
}
