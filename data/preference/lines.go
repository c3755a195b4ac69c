package preference

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"elara/spec/fault"
)

// MaxLineBytes bounds one line of a JSONL file.
const MaxLineBytes = 16 << 20

// Lines hands on the lines of a JSONL file that are not blank, with their numbers from 1. Bytes that are not UTF-8 are
// refused: a decoder would replace them without a word.
func Lines(file string, from io.Reader, each func(number int, line []byte) error) error {
	reader := bufio.NewReaderSize(from, 256<<10)
	for number, last := 1, false; !last; number++ {
		line, err := readLine(reader)
		switch {
		case errors.Is(err, errLineTooLong):
			return fault.At(file, number, "longer than %d bytes, expected one JSON object a line", MaxLineBytes)
		case errors.Is(err, io.EOF):
			last = true
		case err != nil:
			return fault.New(fault.Transient, "read %s: %w", file, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if !utf8.Valid(line) {
				return fault.At(file, number, "invalid UTF-8, expected JSON in UTF-8")
			}
			if err := each(number, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteLines writes JSONL, one object a line, with <, > and & as they are.
func WriteLines[T any](to io.Writer, rows []T) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	for _, row := range rows {
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

var errLineTooLong = errors.New("line too long")

func readLine(reader *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > MaxLineBytes {
			return nil, errLineTooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// Decode reads one JSON object. An error names the place and never the text: only what was expected of which key.
func Decode(file string, number int, line []byte, strict bool, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	if strict {
		decoder.DisallowUnknownFields()
	}
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return fault.At(file, number, "expected one JSON object a line, found more")
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fault.At(file, number, "key %q: found a %s where another type belongs", kind.Field, kind.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return fault.At(file, number, "unknown key%s", keyShown(strings.TrimPrefix(err.Error(), "json: unknown field ")))
	}
	return fault.At(file, number, "not a JSON object")
}

// keyName is what a key may look like to be shown: in a damaged line a text can stand where a key belongs.
var keyName = regexp.MustCompile(`^"[a-z_]{1,40}"$`)

func keyShown(quoted string) string {
	if !keyName.MatchString(quoted) {
		return ""
	}
	return " " + quoted
}

// Replaced reports whether decoding a line made U+FFFD out of something else, such as half of a surrogate pair.
func Replaced(line []byte, texts ...string) bool {
	before := bytes.Count(line, []byte("\ufffd")) + bytes.Count(bytes.ToLower(line), []byte(`\ufffd`))
	after := 0
	for _, text := range texts {
		after += strings.Count(text, "\ufffd")
	}
	return after > before
}
