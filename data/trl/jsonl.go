package trl

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"elara/data/preference"
	"elara/spec/fault"
)

func readJSONL(path string, each func(line int, row Row) error) (left []string, err error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	passed := map[string]bool{}
	err = preference.Lines(path, file, func(line int, text []byte) error {
		var values map[string]json.RawMessage
		if err := preference.Decode(path, line, text, false, &values); err != nil {
			return err
		}
		for _, column := range columns() {
			if _, found := values[column]; !found {
				return fault.At(path, line, "%w", missing(column, slices.Sorted(maps.Keys(values))))
			}
		}
		row, err := decodeRow(values)
		if err != nil {
			return fault.At(path, line, "%w", err)
		}
		if preference.Replaced(text, row.texts()...) {
			return fault.At(path, line, "half of a surrogate pair, expected whole characters")
		}
		for column := range values {
			passed[column] = true
		}
		return each(line, row)
	})
	return others(slices.Collect(maps.Keys(passed))), err
}

// others are the columns that are not read, in order.
func others(all []string) []string {
	left := slices.DeleteFunc(all, func(column string) bool { return slices.Contains(slices.Concat(columns(), optionalColumns()), column) })
	slices.Sort(left)
	return left
}

func open(path string) (*os.File, error) {
	file, err := os.Open(path)
	var at *fs.PathError
	if errors.As(err, &at) {
		return nil, fault.At(path, 0, "cannot be read: %w", at.Err)
	}
	return file, err
}
