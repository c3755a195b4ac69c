package configs

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"elara/spec/fault"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// environmentPrefix begins every variable that Elara reads.
const environmentPrefix = "ELARA_"

// variable gives the environment variable of a key's dotted path.
func variable(path string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// flagName gives the command-line flag of a key's dotted path.
func flagName(path string) string {
	return strings.ReplaceAll(strings.ReplaceAll(path, ".", "-"), "_", "-")
}

// overlay gives what the environment, the flags and the overrides set, as a tree to be laid over the file's. viper
// decides which of them wins: overrides, then flags that were given, then variables that are not empty.
func overlay(table *section, flags *pflag.FlagSet, overrides map[string]any) (*node, error) {
	leaves := table.leaves()
	layers := viper.New()
	for _, path := range sortedPaths(leaves) {
		if err := layers.BindEnv(path, variable(path)); err != nil {
			return nil, fmt.Errorf("bind %s: %w", variable(path), err)
		}
		if flag := lookup(flags, path); flag != nil {
			if err := layers.BindPFlag(path, flag); err != nil {
				return nil, fmt.Errorf("bind --%s: %w", flag.Name, err)
			}
		}
	}
	if err := setOverrides(layers, table, overrides); err != nil {
		return nil, err
	}
	top := &node{shape: shapeObject, origin: origin{file: "environment and flags"}}
	for _, path := range sortedPaths(leaves) {
		if !layers.IsSet(path) {
			continue
		}
		from := origin{file: "environment " + variable(path)}
		if flag := lookup(flags, path); flag != nil && flag.Changed {
			from.file = "flag --" + flag.Name
		}
		if isOverridden(overrides, path) {
			from.file = "override " + path
		}
		value, err := nodeOf(layers.Get(path), from, shapeWord)
		if k := leaves[path]; err == nil && k.element != nil && value.shape == shapeWord {
			value, err = blocksOf(value, k)
		}
		if err != nil {
			return nil, err
		}
		putPath(top, strings.Split(path, "."), value)
	}
	return top, nil
}

func lookup(flags *pflag.FlagSet, path string) *pflag.Flag {
	if flags == nil {
		return nil
	}
	return flags.Lookup(flagName(path))
}

func setOverrides(layers *viper.Viper, table *section, overrides map[string]any) error {
	var known []string
	table.walk("", func(path string, _ key) { known = append(known, path) })
	for _, path := range sortedPaths(overrides) {
		if !slices.Contains(known, path) {
			return fault.At("override "+path, 0, "unknown key%s", suggestion(path, known))
		}
		layers.Set(path, overrides[path])
	}
	return nil
}

func isOverridden(overrides map[string]any, path string) bool {
	for name := range overrides {
		if path == name || strings.HasPrefix(path, name+".") {
			return true
		}
	}
	return false
}

func putPath(object *node, names []string, value *node) {
	if len(names) == 1 {
		object.put(field{name: names[0], at: value.origin, value: value})
		return
	}
	child := object.get(names[0])
	if child == nil {
		child = &node{shape: shapeObject, origin: value.origin}
		object.put(field{name: names[0], at: value.origin, value: child})
	}
	putPath(child, names[1:], value)
}

// nodeOf turns a Go value into nodes. A text at the top has the given shape: from the environment it may mean a number.
func nodeOf(value any, from origin, ofText shape) (*node, error) {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		return &node{shape: ofText, text: v.String(), origin: from}, nil
	case reflect.Bool:
		return &node{shape: shapeBoolean, text: fmt.Sprint(value), origin: from}, nil
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Float64:
		return &node{shape: shapeNumber, text: fmt.Sprint(value), origin: from}, nil
	case reflect.Slice:
		list := &node{shape: shapeList, origin: from}
		for i := range v.Len() {
			item, err := nodeOf(v.Index(i).Interface(), from, shapeText)
			if err != nil {
				return nil, err
			}
			list.items = append(list.items, item)
		}
		return list, nil
	case reflect.Map:
		object := &node{shape: shapeObject, origin: from}
		entries, isNamed := value.(map[string]any)
		if !isNamed {
			break
		}
		for _, name := range sortedPaths(entries) {
			child, err := nodeOf(entries[name], from, shapeText)
			if err != nil {
				return nil, err
			}
			object.put(field{name: name, at: from, value: child})
		}
		return object, nil
	default:
	}
	return nil, from.errorf("holds a %T, expected a text, a number, true or false, a list or a map", value)
}

// checkEnvironment refuses variables whose first word is a block of the table and that name no key of it, so that a
// slip is not silently ignored.
func checkEnvironment(table *section) error {
	var known, sections []string
	for path := range table.leaves() {
		known = append(known, variable(path))
		if head, _, nested := strings.Cut(path, "."); nested {
			sections = append(sections, variable(head)+"_")
		}
	}
	slices.Sort(known)
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, environmentPrefix) || slices.Contains(known, name) {
			continue
		}
		for _, head := range sections {
			if strings.HasPrefix(name, head) {
				return fault.At("environment "+name, 0, "unknown variable%s", suggestion(name, known))
			}
		}
	}
	return nil
}
