package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// parseJSON reads one JSON value with the line of every key and value.
func parseJSON(content []byte, from origin) (*node, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	p := jsonParser{content: content, decoder: decoder, from: from}
	top, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, from.at(lineOf(content, p.next())).errorf("text follows the end of the JSON value, expected nothing")
	}
	return top, nil
}

type jsonParser struct {
	content []byte
	decoder *json.Decoder
	from    origin
}

func (p *jsonParser) value(depth int) (*node, error) {
	token, at, err := p.token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, at.errorf("nested more than %d deep", maxDepth)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return p.object(at, depth)
		}
		return p.list(at, depth)
	case string:
		return &node{shape: shapeText, text: t, origin: at}, nil
	case json.Number:
		return &node{shape: shapeNumber, text: t.String(), origin: at}, nil
	case bool:
		return &node{shape: shapeBoolean, text: strconv.FormatBool(t), origin: at}, nil
	default:
		return &node{shape: shapeNull, text: "null", origin: at}, nil
	}
}

func (p *jsonParser) object(at origin, depth int) (*node, error) {
	object := &node{shape: shapeObject, origin: at}
	for p.decoder.More() {
		token, keyAt, err := p.token()
		if err != nil {
			return nil, err
		}
		name, isText := token.(string)
		if !isText {
			return nil, keyAt.errorf("expected a key in quotes")
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := addField(object, name, keyAt, value); err != nil {
			return nil, err
		}
	}
	_, _, err := p.token() // the closing brace
	return object, err
}

func (p *jsonParser) list(at origin, depth int) (*node, error) {
	list := &node{shape: shapeList, origin: at}
	for p.decoder.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list.items = append(list.items, item)
	}
	_, _, err := p.token() // the closing bracket
	return list, err
}

// token reads one token and its place. Tokens do not span lines, so the line of the end is the line of the token.
func (p *jsonParser) token() (json.Token, origin, error) {
	token, err := p.decoder.Token()
	if err == nil {
		return token, p.from.at(lineOf(p.content, p.decoder.InputOffset())), nil
	}
	at := p.from.at(lineOf(p.content, p.next()))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, at, at.errorf("the JSON text ends before its closing brace")
	}
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(p.content[p.next():], []byte(word)) {
			return nil, at, at.errorf("found %s, expected a finite number", word)
		}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = p.from.at(lineOf(p.content, syntax.Offset))
	}
	return nil, at, at.errorf("not JSON: %w", err)
}

// next is the offset of the first byte that is neither read yet nor blank nor a separator.
func (p *jsonParser) next() int64 {
	offset := p.decoder.InputOffset()
	for offset < int64(len(p.content)) && bytes.IndexByte([]byte(" \t\r\n,:"), p.content[offset]) >= 0 {
		offset++
	}
	return offset
}
