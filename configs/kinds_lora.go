package configs

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"elara/spec"
)

// modules is a list of ends of module names, or one text: a regular expression for whole names, as PEFT tells them apart.
// From the environment it is the list, separated by commas, or the word all-linear.
func modules(name string, list *[]string, pattern *string, words []string, help string) key {
	names := texts(name, list, "a list of module names", moduleName(), help)
	whole := text(name, pattern, "", accepted(isPattern, "a regular expression (RE2)"), help)
	*list, *pattern = nil, ""
	kind := "a list of module names, or a regular expression for whole names"
	for _, word := range words {
		kind += ", or " + word
	}
	return either(name, help, kind, func(n *node) (key, bool) {
		if n.shape == shapeText || n.shape == shapeWord && n.text == spec.AllLinear {
			return whole, true
		}
		return names, n.shape == shapeList || n.shape == shapeWord
	})
}

func moduleName() form {
	return pattern(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`, "a module name such as q_proj or attn.c_attn; a pattern is one text, not a list")
}

func isPattern(text string) error {
	_, err := regexp.Compile(text)
	return err
}

// layers is an index or a list of indices, none twice.
func layers(name string, target *[]int, help string) key {
	*target = nil
	k := key{name: name, kind: "a whole number", within: fmt.Sprintf("from 0 to %d, or a list of them", maxLayers), help: help, nullable: true}
	k.set = func(n *node) error {
		items := n.items
		if n.shape != shapeList {
			items = []*node{n}
		}
		var indices []int
		seen := map[int]bool{}
		for _, item := range items {
			var index int
			if err := integer(name, &index, 0, 0, maxLayers, "").set(item); err != nil {
				return item.mismatch(k)
			}
			if seen[index] {
				return fmt.Errorf("%d stands there twice", index)
			}
			seen[index] = true
			indices = append(indices, index)
		}
		if len(indices) == 0 {
			return errors.New("the list is empty, expected at least one entry")
		}
		*target = indices
		return nil
	}
	return k
}

// patterns is a list of regular expressions, or one of them.
func patterns(name string, target *[]string, help string) key {
	list := texts(name, target, "a list of regular expressions", expression(), help)
	return either(name, help, "a regular expression (RE2) or a list of them", func(n *node) (key, bool) {
		if n.shape == shapeText {
			*n = node{shape: shapeList, items: []*node{{shape: shapeText, text: n.text, origin: n.origin}}, origin: n.origin}
		}
		return list, n.shape == shapeList || n.shape == shapeWord
	}).orNull()
}

// rules is a block that gives the modules of a pattern a value of their own. They are kept in the order of the text: the
// first that matches counts.
func rules[T any](name string, target *[]T, kind string, read func(pattern string, n *node) (T, error), help string) key {
	*target = nil
	k := key{name: name, kind: kind, help: help, nullable: true}
	k.set = func(n *node) error {
		if n.shape != shapeObject {
			return n.mismatch(k)
		}
		var list []T
		for _, f := range n.fields {
			if err := isPattern(f.name); err != nil || f.name == "" {
				return f.at.errorf("%s: %q: expected a regular expression (RE2) for the end of a module's name", name, f.name)
			}
			rule, err := read(f.name, f.value)
			if err != nil {
				return located(err, f.value.origin, join(name, f.name))
			}
			list = append(list, rule)
		}
		*target = list
		return nil
	}
	return k
}

func rankRule(pattern string, n *node) (rule spec.RankRule, err error) {
	rule.Modules = pattern
	return rule, integer("", &rule.R, 0, 1, maxRank, "").set(n)
}

func alphaRule(pattern string, n *node) (rule spec.AlphaRule, err error) {
	rule.Modules = pattern
	return rule, number("", &rule.Alpha, 0, alphas(), "").set(n)
}

// initWeights is PEFT's init_lora_weights: true, false or a word.
func initWeights(target *spec.LoRAInit) key {
	*target = spec.InitDefault
	k := key{
		name: "init_lora_weights", kind: "true, false or gaussian", fallback: strconv.FormatBool(true),
		help: "Fresh matrices: true: A uniform, B zero; gaussian: A normal with a deviation of 1/r, B zero; false: both uniform.",
	}
	k.set = func(n *node) error {
		given, known := map[string]spec.LoRAInit{"true": spec.InitDefault, "false": spec.InitRandom, "gaussian": spec.InitGaussian}[n.text]
		isWord := n.isScalar(shapeBoolean) || n.isScalar(shapeText) && n.text == "gaussian"
		if !known || !isWord {
			return n.mismatch(k)
		}
		*target = given
		return nil
	}
	return k
}
