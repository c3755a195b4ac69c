package gguf

import (
	"math"
	"slices"

	"elara/spec/fault"
)

// Keys lists the metadata keys in file order.
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Has reports whether the metadata has the key. Getters refuse a missing key; ask first where it is optional.
func (f *File) Has(key string) bool {
	_, found := f.values[key]
	return found
}

// String is the value of a string key.
func (f *File) String(key string) (string, error) { return content[string](f, key, "a string") }

// Bool is the value of a bool key.
func (f *File) Bool(key string) (bool, error) { return content[bool](f, key, "a bool") }

// Uint is the value of an integer key of any width that is not negative.
func (f *File) Uint(key string) (uint64, error) {
	v, err := f.lookup(key, "a non-negative integer")
	if err != nil {
		return 0, err
	}
	switch n := v.content.(type) {
	case uint64:
		return n, nil
	case int64:
		if n >= 0 {
			return uint64(n), nil
		}
		return 0, fault.At(f.path, 0, "metadata key %q is %d, expected a non-negative integer", key, n)
	}
	return 0, f.wrongType(key, v, "a non-negative integer")
}

// Int is the value of an integer key of any width.
func (f *File) Int(key string) (int64, error) {
	v, err := f.lookup(key, "an integer")
	if err != nil {
		return 0, err
	}
	switch n := v.content.(type) {
	case int64:
		return n, nil
	case uint64:
		if n <= math.MaxInt64 {
			return int64(n), nil
		}
		return 0, fault.At(f.path, 0, "metadata key %q is %d, expected at most %d", key, n, int64(math.MaxInt64))
	}
	return 0, f.wrongType(key, v, "an integer")
}

// Float is the value of a float32 or float64 key.
func (f *File) Float(key string) (float64, error) { return content[float64](f, key, "a float") }

// Strings is the value of an array of strings. The slice is the caller's.
func (f *File) Strings(key string) ([]string, error) {
	items, err := content[[]string](f, key, "an array of strings")
	return slices.Clone(items), err
}

// Floats is the value of an array of floats. The slice is the caller's.
func (f *File) Floats(key string) ([]float64, error) {
	items, err := content[[]float64](f, key, "an array of floats")
	return slices.Clone(items), err
}

// Bools is the value of an array of bools. The slice is the caller's.
func (f *File) Bools(key string) ([]bool, error) {
	items, err := content[[]bool](f, key, "an array of bools")
	return slices.Clone(items), err
}

// Ints is the value of an array of integers of any width. The slice is the caller's.
func (f *File) Ints(key string) ([]int64, error) {
	v, err := f.lookup(key, "an array of integers")
	if err != nil {
		return nil, err
	}
	switch items := v.content.(type) {
	case []int64:
		return slices.Clone(items), nil
	case []uint64:
		ints := make([]int64, len(items))
		for i, n := range items {
			if n > math.MaxInt64 {
				return nil, fault.At(f.path, 0, "metadata key %q item %d is %d, expected at most %d", key, i, n, int64(math.MaxInt64))
			}
			ints[i] = int64(n)
		}
		return ints, nil
	}
	return nil, f.wrongType(key, v, "an array of integers")
}

// content finds a key whose content has the Go type T.
func content[T any](f *File, key, expected string) (T, error) {
	var none T
	v, err := f.lookup(key, expected)
	if err != nil {
		return none, err
	}
	found, ok := v.content.(T)
	if !ok {
		return none, f.wrongType(key, v, expected)
	}
	return found, nil
}

func (f *File) lookup(key, expected string) (value, error) {
	v, found := f.values[key]
	if !found {
		return value{}, fault.At(f.path, 0, "metadata key %q is missing, expected %s", key, expected)
	}
	return v, nil
}

func (f *File) wrongType(key string, v value, expected string) error {
	return fault.At(f.path, 0, "metadata key %q is of type %s, expected %s", key, v.typeName(), expected)
}
