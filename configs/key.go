package configs

import (
	"maps"
	"slices"
)

// section is the table of keys of one object. It is the only place where a key is written down: decoding, defaults,
// environment variables, flags and the reference documentation all come from it.
type section struct {
	keys []key
	// foreign holds the names that transformers or PEFT know and this table does not: they get an answer of their own.
	foreign []foreignKey
}

// key is one row of the table. A constructor in kinds.go makes it, writes the default to the target and returns it, as
// package flag does.
type key struct {
	name     string
	aliases  []string // other spellings of the same key
	former   *former  // an earlier key that said the same in another way
	kind     string   // what the documentation calls it: "whole number"
	within   string   // what the documentation gives as its range: "1 to 1024"
	fallback string   // the default as the documentation shows it
	help     string
	required bool
	nullable bool // null means the default
	secret   bool
	alsoIn   string            // block in which the same key is documented
	set      func(*node) error // reads a scalar or a list into the target
	object   *section          // set for a block of keys
	element  *section          // set for a list of blocks: the table of one, for the documentation
}

// require makes the absence of the key an error.
func (k key) require() key { k.required, k.fallback = true, ""; return k }

// orNull lets null stand for the default, as Python's None does.
func (k key) orNull() key { k.nullable = true; return k }

// also gives the key another spelling.
func (k key) also(names ...string) key { k.aliases = names; return k }

// former is a key of an earlier release whose values have to be translated.
type former struct {
	name      string
	translate func(*node) *node // nil: the value asks for nothing
}

// renamed accepts an earlier key too.
func (k key) renamed(name string, translate func(*node) *node) key {
	k.former = &former{name: name, translate: translate}
	return k
}

// showDefault replaces what the documentation says of the default.
func (k key) showDefault(text string) key { k.fallback = text; return k }

// expects is the key's kind and range in an error message.
func (k key) expects() string {
	if k.within == "" {
		return k.kind
	}
	return k.kind + " " + k.within
}

// documentedIn says that another block tells what the keys mean.
func documentedIn(block string, keys []key) {
	for i := range keys {
		keys[i].alsoIn = block
	}
}

// row is the key of that name, to change it in its place; a table without it is a mistake in the program.
func (s *section) row(name string) *key {
	return &s.keys[slices.IndexFunc(s.keys, func(k key) bool { return k.name == name })]
}

// find gives the key of that name or spelling, and whether the name is an earlier one.
func (s *section) find(name string) (k key, isFormer, known bool) {
	for _, k := range s.keys {
		if k.name == name || slices.Contains(k.aliases, name) {
			return k, false, true
		}
		if k.former != nil && k.former.name == name {
			return k, true, true
		}
	}
	return key{}, false, false
}

// names lists every accepted spelling.
func (s *section) names() []string {
	var names []string
	for _, k := range s.keys {
		names = append(append(names, k.name), k.aliases...)
		if k.former != nil {
			names = append(names, k.former.name)
		}
	}
	return names
}

// walk calls visit for every key below the section with its dotted path, outer before inner.
func (s *section) walk(prefix string, visit func(path string, k key)) {
	for _, k := range s.keys {
		visit(prefix+k.name, k)
		if k.object != nil {
			k.object.walk(prefix+k.name+".", visit)
		}
	}
}

// leaves maps the dotted path of every key that is not a block to the key.
func (s *section) leaves() map[string]key {
	found := map[string]key{}
	s.walk("", func(path string, k key) {
		if k.object == nil {
			found[path] = k
		}
	})
	return found
}

// sortedPaths gives the paths of a table in byte order, so that errors do not depend on map order.
func sortedPaths[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }
