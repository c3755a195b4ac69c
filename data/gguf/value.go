package gguf

import (
	"encoding/binary"
	"fmt"
	"math"

	"elara/spec/fault"
)

// valueKind is the type of a metadata value, numbered as in the file.
type valueKind uint32

const (
	kindUint8 valueKind = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
	kindCount
)

func (k valueKind) String() string {
	names := [kindCount]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string",
		"array", "uint64", "int64", "float64"}
	if k >= kindCount {
		return fmt.Sprintf("number %d", uint32(k))
	}
	return names[k]
}

// size is how many bytes a value takes at least: a string its length field, an array its type and count.
func (k valueKind) size() uint64 {
	sizes := [kindCount]uint64{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8}
	return sizes[k]
}

// value is one metadata value. Content is uint64, int64, float64, bool or string, or for an array a slice of one
// of these; narrower numbers are widened, which loses nothing.
type value struct {
	kind    valueKind
	element valueKind // of an array
	content any
}

// typeName names the type for messages.
func (v value) typeName() string {
	if v.kind == kindArray {
		return "array of " + v.element.String()
	}
	return v.kind.String()
}

// readValue reads the type and the value of a key.
func readValue(c *cursor, key string) (value, error) {
	kind, err := readKind(c, key)
	if err != nil {
		return value{}, err
	}
	if kind != kindArray {
		content, err := readScalar(c, kind, key)
		return value{kind: kind, content: content}, err
	}
	element, err := readKind(c, key)
	if err != nil {
		return value{}, err
	}
	if element == kindArray {
		return value{}, fault.At(c.path, 0, "metadata key %q is an array of arrays, expected an array of numbers, bools or strings", key)
	}
	n, err := c.count(element.size(), fmt.Sprintf("the length of the array %q", key))
	if err != nil {
		return value{}, err
	}
	content, err := readArray(c, element, n, key)
	return value{kind: kindArray, element: element, content: content}, err
}

func readKind(c *cursor, key string) (valueKind, error) {
	n, err := c.uint32(fmt.Sprintf("the type of metadata key %q", key))
	if err != nil {
		return 0, err
	}
	if kind := valueKind(n); kind < kindCount {
		return kind, nil
	}
	return 0, corruptAt(c.path, "metadata key %q has type number %d, expected 0 to %d", key, n, kindCount-1)
}

func readArray(c *cursor, element valueKind, n int, key string) (any, error) {
	switch element {
	case kindString:
		return readItems[string](c, element, n, key)
	case kindBool:
		return readItems[bool](c, element, n, key)
	case kindFloat32, kindFloat64:
		return readItems[float64](c, element, n, key)
	case kindInt8, kindInt16, kindInt32, kindInt64:
		return readItems[int64](c, element, n, key)
	default:
		return readItems[uint64](c, element, n, key)
	}
}

// readItems reads n values of a type; the caller has checked that so many can fit into the file.
func readItems[T any](c *cursor, element valueKind, n int, key string) ([]T, error) {
	items := make([]T, n)
	for i := range items {
		content, err := readScalar(c, element, key)
		if err != nil {
			return nil, err
		}
		items[i] = content.(T) // readArray and readScalar agree on the type
	}
	return items, nil
}

func readScalar(c *cursor, kind valueKind, key string) (any, error) {
	if kind == kindString {
		return c.text(fmt.Sprintf("the value of metadata key %q", key))
	}
	at := c.offset
	b, err := c.take(kind.size(), fmt.Sprintf("the value of metadata key %q", key))
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindUint8:
		return uint64(b[0]), nil
	case kindInt8:
		return int64(int8(b[0])), nil
	case kindUint16:
		return uint64(binary.LittleEndian.Uint16(b)), nil
	case kindInt16:
		return int64(int16(binary.LittleEndian.Uint16(b))), nil
	case kindUint32:
		return uint64(binary.LittleEndian.Uint32(b)), nil
	case kindInt32:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	case kindFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), nil
	case kindBool:
		if b[0] > 1 {
			return nil, corruptAt(c.path, "metadata key %q at byte %d holds the bool %d, expected 0 or 1", key, at, b[0])
		}
		return b[0] == 1, nil
	case kindUint64:
		return binary.LittleEndian.Uint64(b), nil
	case kindInt64:
		return int64(binary.LittleEndian.Uint64(b)), nil
	default: // kindFloat64; readKind lets no other number through
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
	}
}
