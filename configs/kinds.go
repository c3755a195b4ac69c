package configs

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"elara/spec/fault"
)

// located puts place and key before what a key's set said. An error that has a place already keeps it.
func located(err error, at origin, path string) error {
	var placed *fault.Error
	if errors.As(err, &placed) && placed.Place != "" {
		return err
	}
	return at.errorf("%s: %w", path, err)
}

func (n *node) mismatch(k key) error { return mismatch{expected: k.expects(), found: n.found()} }

// isScalar reports whether the value is of the shape, or a word that may become it.
func (n *node) isScalar(want shape) bool { return n.shape == want || n.shape == shapeWord }

// decimalNumber leaves out what strconv accepts beside it: hexadecimal, infinities and NaN.
var decimalNumber = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)

// integer is a whole number from low to high.
func integer[T ~int | ~int64](name string, target *T, fallback, low, high T, help string) key {
	*target = fallback
	k := key{name: name, kind: "a whole number", within: fmt.Sprintf("from %d to %d", low, high), fallback: fmt.Sprint(fallback), help: help}
	k.set = func(n *node) error {
		value, err := strconv.ParseInt(n.text, 10, 64)
		if !n.isScalar(shapeNumber) || err != nil || value < int64(low) || value > int64(high) {
			return n.mismatch(k)
		}
		*target = T(value)
		return nil
	}
	return k
}

// interval is a range of real numbers. Low and high belong to it unless they are open.
type interval struct {
	low, high         float64
	openLow, openHigh bool
}

func (i interval) contains(x float64) bool {
	return (x > i.low || !i.openLow && x == i.low) && (x < i.high || !i.openHigh && x == i.high)
}

// String is the range in words.
func (i interval) String() string {
	low, and, high := "from ", " to ", ""
	if i.openLow {
		low, and, high = "above ", " and ", "at most "
	}
	if i.openHigh {
		high = "below "
	}
	return low + formatNumber(i.low) + and + high + formatNumber(i.high)
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// number is a finite real number.
func number(name string, target *float64, fallback float64, within interval, help string) key {
	*target = fallback
	k := key{name: name, kind: "a number", within: within.String(), fallback: formatNumber(fallback), help: help}
	k.set = func(n *node) error {
		value, err := strconv.ParseFloat(n.text, 64)
		if !n.isScalar(shapeNumber) || !decimalNumber.MatchString(n.text) || err != nil || !within.contains(value) {
			return n.mismatch(k)
		}
		*target = value
		return nil
	}
	return k
}

// boolean is true or false and nothing else.
func boolean(name string, target *bool, fallback bool, help string) key {
	*target = fallback
	k := key{name: name, kind: "true or false", fallback: strconv.FormatBool(fallback), help: help}
	k.set = func(n *node) error {
		if !n.isScalar(shapeBoolean) || n.text != "true" && n.text != "false" {
			return n.mismatch(k)
		}
		*target = n.text == "true"
		return nil
	}
	return k
}

// choice is one of some words.
func choice[T ~string](name string, target *T, fallback T, options []T, help string) key {
	*target = fallback
	words := make([]string, len(options))
	for i, option := range options {
		words[i] = string(option)
	}
	k := key{name: name, kind: "one of", within: strings.Join(words, ", "), fallback: string(fallback), help: help}
	k.set = func(n *node) error {
		if !n.isScalar(shapeText) || !slices.Contains(words, n.text) {
			return n.mismatch(k)
		}
		*target = T(n.text)
		return nil
	}
	return k
}

// path is a file or folder. It becomes absolute: relative to the file it stands in, or to the working directory.
func path(name string, target *string, fallback, help string) key {
	*target = fallback
	k := key{name: name, kind: "a path", fallback: fallback, help: help}
	k.set = func(n *node) error {
		value, err := n.line(k)
		if err != nil {
			return err
		}
		*target, err = n.origin.resolve(value)
		return err
	}
	return k
}

// resolve makes a path absolute.
func (o origin) resolve(path string) (string, error) {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return "", errors.New("'~' is not expanded, write the folder out")
	}
	if !filepath.IsAbs(path) && o.dir != "" {
		path = filepath.Join(o.dir, path)
	}
	return filepath.Abs(path)
}

// duration is a span of time as Go writes it: 90s, 15m, 24h.
func duration(name string, target *time.Duration, low, high time.Duration, help string) key {
	*target = 0
	k := key{name: name, kind: "a duration", within: fmt.Sprintf("from %s to %s, such as 90s, 15m or 24h", shortDuration(low), shortDuration(high)), help: help}
	k.set = func(n *node) error {
		value, err := time.ParseDuration(n.text)
		if !n.isScalar(shapeText) || err != nil || value < low || value > high {
			return n.mismatch(k)
		}
		*target = value
		return nil
	}
	return k
}

// shortDuration writes whole hours, minutes or seconds without the zeros that time.Duration prints.
func shortDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}

// secret is read from the environment only. Its twin NAME_file names a file that holds it.
func secret(name string, target *Secret, help string) (value, file key, filePath *string) {
	*target = Secret{}
	value = key{name: name, kind: "a secret", within: "in the environment, never in a file of settings", secret: true, help: help}
	value.set = func(n *node) error {
		if n.shape != shapeWord {
			return fmt.Errorf("a secret does not stand in a file of settings, expected %s_file with the path of a file that holds it, or an environment variable", name)
		}
		*target = NewSecret(n.text)
		return nil
	}
	filePath = new(string)
	return value, path(name+"_file", filePath, "", "File whose content is "+name+"."), filePath
}

// block is an object with a table of its own.
func block(name string, of *section, help string) key {
	return key{name: name, kind: "a block of keys", object: of, help: help}
}

// blocks is a list of objects, at least one; read gets each canonical object in order.
func blocks(name string, element *section, read func(index int, n *node) error, help string) key {
	k := key{name: name, kind: "a list of blocks", element: element, help: help}
	k.set = func(n *node) error {
		if n.shape != shapeList {
			return n.mismatch(k)
		}
		if len(n.items) == 0 {
			return errors.New("the list is empty, expected at least one entry")
		}
		for i, item := range n.items {
			if err := read(i, item); err != nil {
				return err
			}
		}
		return nil
	}
	return k
}
