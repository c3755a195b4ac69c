package configs

import (
	"fmt"
	"slices"
	"strconv"

	"elara/spec/fault"
)

// shape is what a value looks like in the text, before anybody asks what it should be.
type shape string

const (
	shapeObject  shape = "a block of keys"
	shapeList    shape = "a list"
	shapeText    shape = "text"
	shapeNumber  shape = "a number"
	shapeBoolean shape = "true or false"
	shapeNull    shape = "null"
	// shapeWord is text from the environment or a flag, where everything is text: it may become any scalar.
	shapeWord shape = "a word"
)

// node is a value with the place it was read at. JSON, YAML, environment and flags all become nodes, so that one
// strict decoder serves them.
type node struct {
	shape  shape
	text   string // of a scalar, as written
	fields []field
	items  []*node
	origin origin
	notes  []Warning // what canonical left out of an object
}

// field is one key of an object, in the order of the text.
type field struct {
	name  string
	at    origin
	value *node
}

// origin is where something was read: a line of a file, or a variable or flag.
type origin struct {
	file string // file as the user named it, or "environment ELARA_X"
	line int    // 0: the place has no lines
	dir  string // what relative paths are relative to
}

// errorf makes an Invalid error at the place.
func (o origin) errorf(format string, args ...any) error {
	return fault.At(o.file, o.line, format, args...)
}

// warning makes a warning about the place.
func (o origin) warning(format string, args ...any) Warning {
	return Warning{Place: o.String(), Text: fmt.Sprintf(format, args...)}
}

// String prints the place as errors do.
func (o origin) String() string {
	if o.line > 0 {
		return o.file + ":" + strconv.Itoa(o.line)
	}
	return o.file
}

// found describes the value in an error message. It shows short scalars only.
func (n *node) found() string {
	const longest = 60
	switch n.shape {
	case shapeText:
		if len(n.text) > longest {
			return fmt.Sprintf("a text of %d bytes", len(n.text))
		}
		return "the text " + strconv.Quote(n.text)
	case shapeNumber, shapeBoolean, shapeWord:
		if len(n.text) > longest {
			return fmt.Sprintf("%d characters", len(n.text))
		}
		return n.text
	case shapeNull, shapeObject, shapeList:
	}
	return string(n.shape)
}

// get finds a field of an object.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// put sets a field of an object, in place or at the end.
func (n *node) put(f field) {
	for i := range n.fields {
		if n.fields[i].name == f.name {
			n.fields[i] = f
			return
		}
	}
	n.fields = append(n.fields, f)
}

// warnings gives the notes of a tree in the order of the text.
func (n *node) warnings() []Warning {
	if n == nil {
		return nil
	}
	found := n.notes
	for _, f := range n.fields {
		found = append(found, f.value.warnings()...)
	}
	for _, item := range n.items {
		found = append(found, item.warnings()...)
	}
	return found
}

// merge lays over on top of base: objects are merged key by key, all else is replaced whole. Either may be nil; neither
// is changed.
func merge(base, over *node) *node {
	switch {
	case base == nil:
		return over
	case over == nil:
		return base
	case base.shape != shapeObject || over.shape != shapeObject:
		return over
	}
	out := &node{
		shape: shapeObject, origin: over.origin, fields: append([]field(nil), base.fields...),
		notes: slices.Concat(base.notes, over.notes),
	}
	for _, f := range over.fields {
		f.value = merge(base.get(f.name), f.value)
		out.put(f)
	}
	return out
}
