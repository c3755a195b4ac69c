package configs

import "fmt"

// canonical checks that every key of the object is in the table and gives a copy under the tables' own spelling. It
// reads no values: two files are made canonical before they are merged.
func (s *section) canonical(n *node, path string) (*node, error) {
	out := &node{shape: shapeObject, origin: n.origin}
	if n.shape != shapeObject {
		return nil, n.origin.errorf("%s: expected %s, found %s", orTop(path), shapeObject, n.found())
	}
	for _, f := range n.fields {
		k, isFormer, known := s.find(f.name)
		if !known {
			if err := s.answer(out, f, path); err != nil {
				return nil, err
			}
			continue
		}
		if isFormer {
			if f.value = k.former.translate(f.value); f.value == nil {
				continue
			}
		}
		value, err := canonicalValue(k, f.value, join(path, k.name))
		if err != nil {
			return nil, err
		}
		if twin := out.get(k.name); twin != nil && !sameScalar(twin, value) {
			return nil, f.at.errorf("%s: says %s, but line %d says %s under another spelling of the same key",
				join(path, f.name), value.found(), twin.origin.line, twin.found())
		}
		out.put(field{name: k.name, at: f.at, value: value})
	}
	return out, nil
}

func canonicalValue(k key, n *node, path string) (*node, error) {
	switch {
	case k.object != nil && !k.isUnset(n):
		return k.object.canonical(n, path)
	case k.element != nil && n.shape == shapeList:
		list := &node{shape: shapeList, origin: n.origin}
		for _, item := range n.items {
			value, err := k.element.canonical(item, path+"[]")
			if err != nil {
				return nil, err
			}
			list.items = append(list.items, value)
		}
		return list, nil
	default:
		return n, nil
	}
}

// answer deals with a key that is not in the table: one that transformers or PEFT know and that asks for nothing, or for
// nothing that matters here, is left out, with a note; any other is an error.
func (s *section) answer(out *node, f field, path string) error {
	full := join(path, f.name)
	for _, k := range s.foreign {
		switch {
		case k.name != f.name:
			continue
		case k.asksNothing(f.value):
			return nil
		case k.refused:
			return f.at.errorf("%s: %s is not supported: %s", full, k.found(f.value), k.why)
		}
		out.notes = append(out.notes, f.at.warning("%s has no effect: %s", full, k.why))
		return nil
	}
	return f.at.errorf("%s: unknown key%s", full, suggestion(f.name, s.names()))
}

// decode reads a canonical object into the targets of the table. Keys that are absent keep their defaults.
func (s *section) decode(n *node, path string) error {
	for _, k := range s.keys {
		value := n.get(k.name)
		full := join(path, k.name)
		switch {
		case value == nil && k.required:
			return n.origin.errorf("%s: missing, expected %s", full, k.expects())
		case k.object != nil && (value == nil || k.isUnset(value)):
			if err := k.object.decode(&node{shape: shapeObject, origin: n.origin}, full); err != nil {
				return err
			}
		case value == nil:
		case k.object != nil:
			if err := k.object.decode(value, full); err != nil {
				return err
			}
		case k.isUnset(value):
		default:
			if err := k.set(value); err != nil {
				return located(err, value.origin, full)
			}
		}
	}
	return nil
}

// isUnset reports whether the value is null and stands for the default.
func (k key) isUnset(n *node) bool { return n.shape == shapeNull && k.nullable }

// mismatch is returned by a key's set when the value is not what the key expects.
type mismatch struct{ expected, found string }

func (m mismatch) Error() string { return "expected " + m.expected + ", found " + m.found }

func sameScalar(a, b *node) bool {
	return a.shape == b.shape && a.text == b.text && a.items == nil && b.items == nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func listPath(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

func orTop(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
