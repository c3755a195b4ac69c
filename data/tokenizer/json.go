package tokenizer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"elara/spec/fault"
)

// unmarshalAt reads JSON; errors name the line where the text stops making sense.
func unmarshalAt(place string, text []byte, into any, expected string) error {
	err := json.Unmarshal(text, into)
	if err == nil {
		return nil
	}
	line := 0
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fault.At(place, lineOf(text, syntax.Offset), "%s at byte %d, expected %s", syntax, syntax.Offset, expected)
	case errors.As(err, &kind):
		line = lineOf(text, kind.Offset)
	}
	return fault.At(place, line, "%w", explainJSON(err))
}

// explainJSON says what a reader's error means without the names of Go types.
func explainJSON(err error) error {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	field := "value"
	if kind.Field != "" {
		field = fmt.Sprintf("%q", kind.Field)
	}
	expected := "an object"
	switch kind.Type.Kind() {
	case reflect.String:
		expected = "text"
	case reflect.Bool:
		expected = "true or false"
	case reflect.Slice, reflect.Array:
		expected = "a list"
	case reflect.Int32, reflect.Int64, reflect.Int:
		expected = "a whole number"
	case reflect.Float64:
		expected = "a number"
	}
	return fmt.Errorf("%s is of type %s, expected %s", field, kind.Value, expected)
}

// keysOf lists the JSON keys of the struct that value points to.
func keysOf(value any) []string {
	kind := reflect.TypeOf(value).Elem()
	keys := make([]string, kind.NumField())
	for i := range keys {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		keys[i] = cmp.Or(name, strings.ToLower(kind.Field(i).Name))
	}
	return keys
}

// lineOf is the line, from 1, of the byte at offset.
func lineOf(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int64(len(text)), max(0, offset))], []byte{'\n'})
}

// checkUTF8 refuses text that the JSON reader would quietly repair.
func checkUTF8(place string, text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	at := 0
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return fault.At(place, lineOf(text, int64(at)), "byte %d is %#x, expected UTF-8", at, text[at])
}

// quoteJSON writes text as JSON does, without the escapes for HTML.
func quoteJSON(text string) string {
	quoted, err := marshalJSON(text)
	if err != nil { // a string can always be written
		panic(err)
	}
	return string(quoted)
}

// marshalJSON writes a value on one line, without the escapes for HTML and without a line feed at the end.
func marshalJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
