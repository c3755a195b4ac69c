package configs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// form is what a text must look like. The zero form is any line of text.
type form struct {
	expected string // in words
	fits     func(string) bool
}

// pattern is a form given by a regular expression.
func pattern(expression, expected string) form {
	return form{expected: expected, fits: regexp.MustCompile(expression).MatchString}
}

// accepted makes a form of a check that explains itself to others.
func accepted(check func(string) error, expected string) form {
	return form{expected: expected, fits: func(value string) bool { return check(value) == nil }}
}

// check gives the error for a text that does not have the form.
func (f form) check(n *node) error {
	if f.fits != nil && !f.fits(n.text) {
		return mismatch{expected: f.expected, found: n.found()}
	}
	return nil
}

func (f form) kind() string {
	if f.expected == "" {
		return "a line of text"
	}
	return f.expected
}

// text is a line of text of a form. An empty text is refused.
func text[T ~string](name string, target *T, fallback T, of form, help string) key {
	*target = fallback
	k := key{name: name, kind: of.kind(), fallback: string(fallback), help: help}
	k.set = func(n *node) error {
		value, err := n.line(k)
		if err == nil {
			err = of.check(n)
		}
		if err != nil {
			return err
		}
		*target = T(value)
		return nil
	}
	return k
}

// line reads a text that is not empty, has no control characters and no blanks around it.
func (n *node) line(k key) (string, error) {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if !n.isScalar(shapeText) || n.text == "" || strings.ContainsFunc(n.text, control) || strings.TrimSpace(n.text) != n.text {
		return "", n.mismatch(k)
	}
	return n.text, nil
}

// texts is a list of texts of a form, none twice. From the environment it is separated by commas.
func texts[T ~string](name string, target *[]T, kind string, of form, help string) key {
	*target = nil
	k := key{name: name, kind: kind, help: help}
	k.set = func(n *node) error {
		items := n.items
		if n.shape == shapeWord {
			for _, part := range strings.Split(n.text, ",") {
				items = append(items, &node{shape: shapeWord, text: strings.TrimSpace(part), origin: n.origin})
			}
		} else if n.shape != shapeList {
			return n.mismatch(k)
		}
		values := make([]T, 0, len(items))
		for i, item := range items {
			value, err := item.line(key{kind: of.kind()})
			if err == nil {
				err = of.check(item)
			}
			if err == nil && slices.Contains(values, T(value)) {
				err = fmt.Errorf("%q stands there twice", value)
			}
			if err != nil {
				return item.origin.errorf("%s[%d]: %w", name, i, err)
			}
			values = append(values, T(value))
		}
		if len(values) == 0 {
			return errors.New("the list is empty, expected at least one entry")
		}
		*target = values
		return nil
	}
	return k
}
