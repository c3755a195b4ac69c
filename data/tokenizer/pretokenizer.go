package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseStages reads the pre-tokenizer. Its last stage is ByteLevel, which makes bytes of what the others cut.
func parseStages(raw json.RawMessage) ([]stage, error) {
	stages, kinds, err := parsePreTokenizer(raw)
	if err != nil {
		return nil, err
	}
	for i, kind := range kinds {
		if (kind == "ByteLevel") != (i == len(kinds)-1) {
			return nil, fmt.Errorf("pre_tokenizer is %s, expected exactly one ByteLevel and that as the last", strings.Join(kinds, ", "))
		}
	}
	if len(kinds) == 0 {
		return nil, errors.New("pre_tokenizer is missing, expected ByteLevel: only byte-level tokenizers are read")
	}
	return stages, nil
}

func parsePreTokenizer(raw json.RawMessage) ([]stage, []string, error) {
	kind, err := component(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("pre_tokenizer %w", err)
	}
	var s stage
	switch kind {
	case "":
		return nil, nil, nil
	case "ByteLevel":
		s, err = parseByteLevel(raw)
	case "Digits":
		s, err = parseDigits(raw)
	case "Split":
		s, err = parseSplit(raw)
	case "Sequence":
		return parseSequence(raw)
	default:
		err = fmt.Errorf("has type %q, expected ByteLevel, Split, Digits or Sequence", kind)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("pre_tokenizer %w", err)
	}
	return []stage{s}, []string{kind}, nil
}

func parseSequence(raw json.RawMessage) (stages []stage, kinds []string, _ error) {
	var c struct {
		Type          string
		PreTokenizers []json.RawMessage `json:"pretokenizers"`
	}
	if err := decodeStrict(raw, &c); err != nil {
		return nil, nil, fmt.Errorf("pre_tokenizer Sequence: %w", err)
	}
	for _, part := range c.PreTokenizers {
		some, names, err := parsePreTokenizer(part)
		if err != nil {
			return nil, nil, err
		}
		stages, kinds = append(stages, some...), append(kinds, names...)
	}
	return stages, kinds, nil
}

// byteLevelJSON is the form of ByteLevel as pre-tokenizer, post-processor and decoder.
type byteLevelJSON struct {
	Type           string `json:"type"`
	AddPrefixSpace bool   `json:"add_prefix_space"`
	TrimOffsets    bool   `json:"trim_offsets"` // about offsets, which this package does not give
	UseRegex       *bool  `json:"use_regex"`    // true when absent, as in files from before it existed
}

func parseByteLevel(raw json.RawMessage) (stage, error) {
	var c byteLevelJSON
	if err := decodeStrict(raw, &c); err != nil {
		return stage{}, fmt.Errorf("of type ByteLevel: %w", err)
	}
	s := stage{prefixSpace: c.AddPrefixSpace}
	if c.UseRegex == nil || *c.UseRegex {
		s.name, s.scan = "gpt2", scanGPT2
	}
	return s, nil
}

func parseDigits(raw json.RawMessage) (stage, error) {
	var c struct {
		Type             string `json:"type"`
		IndividualDigits bool   `json:"individual_digits"`
	}
	if err := decodeStrict(raw, &c); err != nil {
		return stage{}, fmt.Errorf("of type Digits: %w", err)
	}
	if c.IndividualDigits {
		return stage{name: "digit", scan: scanDigit}, nil
	}
	return stage{name: "digits", scan: scanDigits}, nil
}

func parseSplit(raw json.RawMessage) (stage, error) {
	var c struct {
		Type     string            `json:"type"`
		Pattern  map[string]string `json:"pattern"` // under Regex or, for plain text, String
		Behavior string            `json:"behavior"`
		Invert   bool              `json:"invert"`
	}
	if err := decodeStrict(raw, &c); err != nil {
		return stage{}, fmt.Errorf("of type Split: %w", err)
	}
	if c.Behavior != "Isolated" || c.Invert {
		return stage{}, fmt.Errorf("of type Split has behavior %q and invert %t, expected Isolated and false", c.Behavior, c.Invert)
	}
	regex, isRegex := c.Pattern["Regex"]
	if !isRegex {
		return stage{}, errors.New("of type Split has no Regex in its pattern, expected that of GPT-2, Llama-3 or Qwen2")
	}
	switch regex {
	case patternGPT2:
		return stage{name: "gpt2", scan: scanGPT2}, nil
	case patternLlama3:
		return stage{name: "llama3", scan: scanLlama3}, nil
	case patternQwen2:
		return stage{name: "qwen2", scan: scanQwen2}, nil
	}
	return stage{}, fmt.Errorf("of type Split has the regex %q, expected that of GPT-2, Llama-3 or Qwen2", regex)
}
