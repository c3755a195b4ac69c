package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"

	"elara/spec/fault"
)

// template is what a post-processor puts around one text, by token.
type template struct{ prefix, suffix []templateToken }

type templateToken struct {
	name string
	ids  []int32
}

func parseTemplate(raw json.RawMessage) (template, error) {
	kind, err := component(raw)
	if err != nil {
		return template{}, fmt.Errorf("post_processor %w", err)
	}
	switch kind {
	case "":
		return template{}, nil
	case "ByteLevel": // about offsets only
		var c byteLevelJSON
		if err := decodeStrict(raw, &c); err != nil {
			return template{}, fmt.Errorf("post_processor ByteLevel: %w", err)
		}
		return template{}, nil
	case "TemplateProcessing":
		return parseTemplateProcessing(raw)
	case "Sequence":
		var c struct {
			Type       string
			Processors []json.RawMessage
		}
		if err := decodeStrict(raw, &c); err != nil {
			return template{}, fmt.Errorf("post_processor Sequence: %w", err)
		}
		return parseOnlyTemplate(c.Processors)
	}
	return template{}, fmt.Errorf("post_processor has type %q, expected ByteLevel, TemplateProcessing, Sequence or null", kind)
}

// parseOnlyTemplate reads a sequence of post-processors. At most one may put tokens: Python's own result for two is
// not that of one after the other.
func parseOnlyTemplate(parts []json.RawMessage) (only template, _ error) {
	for _, part := range parts {
		one, err := parseTemplate(part)
		if err != nil {
			return template{}, err
		}
		if len(one.prefix)+len(one.suffix) == 0 {
			continue
		}
		if len(only.prefix)+len(only.suffix) > 0 {
			return template{}, errors.New("post_processor Sequence has two that put tokens, expected at most one")
		}
		only = one
	}
	return only, nil
}

func parseTemplateProcessing(raw json.RawMessage) (template, error) {
	type piece struct {
		ID     string `json:"id"`
		TypeID int    `json:"type_id"` // sentence number; this package gives none
	}
	type entry struct {
		SpecialToken *piece
		Sequence     *piece
	}
	var c struct {
		Type          string          `json:"type"`
		Single        []entry         `json:"single"`
		Pair          json.RawMessage `json:"pair"` // for two texts, which this package does not join
		SpecialTokens map[string]struct {
			ID     string   `json:"id"`
			IDs    []int32  `json:"ids"`
			Tokens []string `json:"tokens"`
		} `json:"special_tokens"`
	}
	if err := decodeStrict(raw, &c); err != nil {
		return template{}, fmt.Errorf("post_processor TemplateProcessing: %w", err)
	}
	var whole template
	seen := false
	for _, e := range c.Single {
		switch {
		case e.Sequence != nil && e.SpecialToken == nil && e.Sequence.ID == "A" && !seen:
			seen = true
		case e.SpecialToken != nil && e.Sequence == nil:
			special, found := c.SpecialTokens[e.SpecialToken.ID]
			if !found {
				return template{}, fmt.Errorf("post_processor TemplateProcessing puts %q, expected it among its special_tokens", e.SpecialToken.ID)
			}
			token := templateToken{name: e.SpecialToken.ID, ids: special.IDs}
			if seen {
				whole.suffix = append(whole.suffix, token)
			} else {
				whole.prefix = append(whole.prefix, token)
			}
		default:
			return template{}, errors.New("post_processor TemplateProcessing: single is not special tokens around one sequence A, expected that")
		}
	}
	if !seen {
		return template{}, errors.New("post_processor TemplateProcessing: single has no sequence A, expected one")
	}
	return whole, nil
}

// resolve flattens the template to ids, which must exist.
func (t *template) resolve(place string, ids map[string]int32) (prefix, suffix []int32, err error) {
	flatten := func(tokens []templateToken) []int32 {
		var flat []int32
		for _, token := range tokens {
			for _, id := range token.ids {
				if id < 0 || int(id) >= len(ids) {
					err = fault.At(place, 0, "post_processor gives %q the id %d, expected 0 to %d", token.name, id, len(ids)-1)
				}
				flat = append(flat, id)
			}
		}
		return flat
	}
	prefix, suffix = flatten(t.prefix), flatten(t.suffix)
	return prefix, suffix, err
}
