package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"unicode/utf8"

	"elara/spec/fault"
)

// MaxLineBytes is the longest JSONL line that is read.
const MaxLineBytes = 64 << 20

// Text is one line of a training file.
type Text struct {
	Line int // from 1
	Text string
}

// Texts reads a JSONL file of {"text": ...} objects. Other keys of a line are metadata and are left alone;
// blank lines are skipped. Training data must be sound, so anything else ends the reading with an error of kind
// Invalid that names the line: no row is passed over here.
func Texts(ctx context.Context, path string) iter.Seq2[Text, error] {
	return func(yield func(Text, error) bool) {
		file := File{Path: path}
		in, err := file.open()
		if err != nil {
			yield(Text{}, err)
			return
		}
		isWanted := true
		for text, err := range TextsFrom(ctx, in, path) {
			if isWanted = yield(text, err); !isWanted || err != nil {
				isWanted = false
				break
			}
		}
		if err := in.Close(); err != nil && isWanted {
			yield(Text{}, fmt.Errorf("close %s: %w", path, err))
		}
	}
}

// TextsFrom is Texts for a stream; name is what errors call it. It reads once.
func TextsFrom(ctx context.Context, in io.Reader, name string) iter.Seq2[Text, error] {
	return func(yield func(Text, error) bool) {
		plainText, err := sniff(in, name)
		if err != nil {
			yield(Text{}, err)
			return
		}
		lines := bufio.NewScanner(plainText)
		lines.Buffer(make([]byte, 256<<10), MaxLineBytes)
		line, count := 0, 0
		for lines.Scan() {
			line++
			if line%1024 == 0 && ctx.Err() != nil {
				yield(Text{}, context.Cause(ctx))
				return
			}
			raw := lines.Bytes()
			if len(bytes.TrimSpace(raw)) == 0 {
				continue
			}
			count++
			text, err := parseText(raw)
			if err != nil {
				yield(Text{}, fault.At(name, line, "%w", err))
				return
			}
			if !yield(Text{Line: line, Text: text}, nil) {
				return
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(Text{}, fault.At(name, line+1, "line is longer than %d MiB; expected a shorter one", MaxLineBytes>>20))
		case err != nil:
			yield(Text{}, fmt.Errorf("read %s: %w", name, err))
		case count == 0:
			yield(Text{}, fault.At(name, 0, `no lines; expected one {"text": ...} object a line`))
		}
	}
}

var (
	errNoObject = errors.New(`expected one object {"text": "..."} on the line`)
	errCut      = errors.New(`line ends inside the object; expected {"text": "..."} complete`)
	errNoText   = errors.New(`no key "text"; expected {"text": "..."}`)
	errTwoTexts = errors.New(`key "text" twice; expected it once`)
	errTextType = errors.New(`"text" is not a string; expected {"text": "..."}`)
	errHalf     = errors.New(`half of a surrogate pair (\ud800 to \udfff) in "text"; expected whole characters`)
)

// parseText takes the text out of one line. Its errors name no character of the line.
func parseText(line []byte) (text string, err error) {
	if !utf8.Valid(line) {
		return "", fmt.Errorf("not UTF-8 at byte %d; expected a UTF-8 file", invalidAt(line))
	}
	if err := checkJSON(line); err != nil {
		return "", err
	}
	in := json.NewDecoder(bytes.NewReader(line)) // token by token, to see a doubled key
	open, err := in.Token()
	if err != nil {
		return "", err
	}
	if open != json.Delim('{') {
		return "", errNoObject
	}
	isFound := false
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return "", err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return "", err
		}
		switch {
		case key != "text":
			continue
		case isFound:
			return "", errTwoTexts
		case value[0] != '"':
			return "", errTextType
		case hasHalfPair(value):
			return "", errHalf
		}
		if err := json.Unmarshal(value, &text); err != nil {
			return "", err
		}
		isFound = true
	}
	if !isFound {
		return "", errNoText
	}
	return text, nil
}

// checkJSON refuses what is not one JSON value, before the walk through it: the errors of a json.Decoder count
// their bytes from other places than the line's start.
func checkJSON(line []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(line, &value)
	var syntax *json.SyntaxError
	switch {
	case !errors.As(err, &syntax):
		return err
	case syntax.Error() == "unexpected end of JSON input":
		return errCut
	}
	return fmt.Errorf(`malformed JSON at byte %d; expected {"text": "..."}`, syntax.Offset)
}

// hasHalfPair reports whether a JSON string, known to be well formed, escapes half of a surrogate pair.
// encoding/json would replace it without a word; Python's tokenizers refuse it.
func hasHalfPair(literal []byte) bool {
	for at := 0; at < len(literal); at++ {
		if literal[at] != '\\' {
			continue
		}
		at++
		if literal[at] != 'u' {
			continue
		}
		unit := unitAt(literal, at+1)
		at += 4
		switch {
		case unit < 0xd800 || unit > 0xdfff:
		case unit >= 0xdc00 || !bytes.HasPrefix(literal[at+1:], []byte(`\u`)):
			return true
		default:
			if second := unitAt(literal, at+3); second < 0xdc00 || second > 0xdfff {
				return true
			}
			at += 6
		}
	}
	return false
}

func unitAt(literal []byte, at int) uint64 {
	unit, err := strconv.ParseUint(string(literal[at:at+4]), 16, 16)
	if err != nil {
		return 0 // not four digits: no surrogate, and the decoder refuses it
	}
	return unit
}
