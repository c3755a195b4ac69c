package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The components of tokenizer.json. Each type that this package does exactly as Python is listed here; any other, and
// any key that is not known, is refused by name.

// component finds the type of a component; "" stands for null.
func component(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var c struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", fmt.Errorf("is %.40s, expected an object with a type", raw)
	}
	if c.Type == "" {
		return "", errors.New("has no type, expected one")
	}
	return c.Type, nil
}

// decodeStrict refuses keys that the struct into points to does not have.
func decodeStrict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if _, key, unknown := strings.Cut(err.Error(), "unknown field "); unknown {
			return fmt.Errorf("unknown key %s, expected %s", key, strings.Join(keysOf(into), ", "))
		}
		return explainJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text goes on after the value, expected one value")
	}
	return nil
}

func parseNormalizers(raw json.RawMessage) ([]canonical, error) {
	kind, err := component(raw)
	if err != nil {
		return nil, fmt.Errorf("normalizer %w", err)
	}
	switch kind {
	case "":
		return nil, nil
	case "NFC", "NFD":
		var c struct{ Type string }
		if err := decodeStrict(raw, &c); err != nil {
			return nil, fmt.Errorf("normalizer %s: %w", kind, err)
		}
		return []canonical{{compose: kind == "NFC"}}, nil
	case "Sequence":
		var c struct {
			Type        string
			Normalizers []json.RawMessage
		}
		if err := decodeStrict(raw, &c); err != nil {
			return nil, fmt.Errorf("normalizer Sequence: %w", err)
		}
		var all []canonical
		for _, part := range c.Normalizers {
			some, err := parseNormalizers(part)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("normalizer has type %q, expected NFC, NFD, Sequence or null", kind)
}

// checkDecoder accepts the one decoder that undoes a byte-level vocabulary.
func checkDecoder(raw json.RawMessage) error {
	kind, err := component(raw)
	if err != nil {
		return fmt.Errorf("decoder %w", err)
	}
	if kind != "ByteLevel" {
		return fmt.Errorf("decoder has type %q, expected ByteLevel", kind)
	}
	var c byteLevelJSON
	if err := decodeStrict(raw, &c); err != nil {
		return fmt.Errorf("decoder ByteLevel: %w", err)
	}
	return nil
}
