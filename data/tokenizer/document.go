package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"elara/spec/fault"
)

// document is tokenizer.json. Truncation and padding are settings of a call, which a tokenizer that was saved after
// use leaves behind: they are kept for Save and not applied, as transformers does not apply them.
type document struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	AddedTokens   []addedJSON     `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

type addedJSON struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

func (a addedJSON) token() AddedToken {
	return AddedToken{ID: a.ID, Content: a.Content, Special: a.Special, Normalized: a.Normalized,
		LStrip: a.LStrip, RStrip: a.RStrip, SingleWord: a.SingleWord}
}

func (a AddedToken) json() addedJSON {
	return addedJSON{ID: a.ID, Content: a.Content, Special: a.Special, Normalized: a.Normalized,
		LStrip: a.LStrip, RStrip: a.RStrip, SingleWord: a.SingleWord}
}

// modelJSON is the model BPE of tokenizer.json.
type modelJSON struct {
	Type                    string         `json:"type"`
	Dropout                 *float64       `json:"dropout"`
	UnkToken                *string        `json:"unk_token"`
	ContinuingSubwordPrefix *string        `json:"continuing_subword_prefix"`
	EndOfWordSuffix         *string        `json:"end_of_word_suffix"`
	FuseUnk                 bool           `json:"fuse_unk"`
	ByteFallback            bool           `json:"byte_fallback"`
	IgnoreMerges            bool           `json:"ignore_merges"`
	Vocab                   vocabularyJSON `json:"vocab"`
	Merges                  *[]mergeJSON   `json:"merges"`
}

// parseDocument reads tokenizer.json.
func parseDocument(place string, text []byte) (*source, error) {
	if err := checkUTF8(place, text); err != nil {
		return nil, err
	}
	var d document
	if err := unmarshalAt(place, text, &d, "a tokenizer.json"); err != nil {
		return nil, err
	}
	s := &source{place: place, document: d}
	if err := s.readComponents(); err != nil {
		return nil, fault.At(place, 0, "%w", err)
	}
	if err := s.readModel(d.Model); err != nil {
		return nil, fault.At(place, 0, "model %w", err)
	}
	s.document.Model, s.document.AddedTokens = nil, nil
	for _, a := range d.AddedTokens {
		s.added = append(s.added, a.token())
	}
	return s, nil
}

// readComponents makes the pipeline from the document.
func (s *source) readComponents() (err error) {
	if s.pipeline.normalizers, err = parseNormalizers(s.document.Normalizer); err != nil {
		return err
	}
	if s.pipeline.stages, err = parseStages(s.document.PreTokenizer); err != nil {
		return err
	}
	if s.template, err = parseTemplate(s.document.PostProcessor); err != nil {
		return err
	}
	return checkDecoder(s.document.Decoder)
}

func (s *source) readModel(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return errors.New("is missing, expected BPE")
	}
	var kind struct{ Type string }
	if err := json.Unmarshal(raw, &kind); err != nil {
		return errors.New("is not an object, expected BPE")
	}
	if kind.Type != "" && kind.Type != "BPE" { // old files leave the type out
		return fmt.Errorf("has type %q, expected BPE", kind.Type)
	}
	var m modelJSON
	if err := decodeStrict(raw, &m); err != nil {
		return fmt.Errorf("BPE: %w", err)
	}
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return fmt.Errorf("has dropout %g, expected null: ids would be random", *m.Dropout)
	case m.ContinuingSubwordPrefix != nil && *m.ContinuingSubwordPrefix != "":
		return fmt.Errorf("has continuing_subword_prefix %q, expected none in a byte-level vocabulary", *m.ContinuingSubwordPrefix)
	case m.EndOfWordSuffix != nil && *m.EndOfWordSuffix != "":
		return fmt.Errorf("has end_of_word_suffix %q, expected none in a byte-level vocabulary", *m.EndOfWordSuffix)
	case m.ByteFallback:
		return errors.New("has byte_fallback, expected a byte-level vocabulary without it")
	case m.Merges == nil:
		return errors.New("has no merges, expected an array of them")
	}
	if m.UnkToken != nil {
		s.unknown = *m.UnkToken
	}
	s.fuseUnknown, s.ignoreMerges = m.FuseUnk, m.IgnoreMerges
	s.vocabulary = m.Vocab
	s.merges = mergeList{place: s.place, pairs: make([][2]string, len(*m.Merges))}
	for i, p := range *m.Merges {
		s.merges.pairs[i] = p
	}
	return nil
}

// vocabularyJSON is an object from tokens to ids, in the order of the file, with no token lost that appears twice.
type vocabularyJSON []vocabularyEntry

// UnmarshalJSON reads the object.
func (v *vocabularyJSON) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return errors.New("vocabulary is not an object, expected tokens with their ids")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		token, _ := key.(string) // a key is always a string
		value, err := d.Token()
		if err != nil {
			return err
		}
		number, isNumber := value.(json.Number)
		if !isNumber {
			return fmt.Errorf("token %q has the id %v, expected a number", token, value)
		}
		id, err := number.Int64()
		if err != nil {
			return fmt.Errorf("token %q has the id %s, expected a whole number", token, number)
		}
		*v = append(*v, vocabularyEntry{token, id})
	}
	return nil
}

// mergeJSON is a merge: two tokens in an array, or in one string with a space between in files of older versions.
type mergeJSON [2]string

// UnmarshalJSON reads either form.
func (m *mergeJSON) UnmarshalJSON(raw []byte) error {
	var tokens []string
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		tokens = strings.Split(text, " ")
	} else if err := json.Unmarshal(raw, &tokens); err != nil {
		return fmt.Errorf("merge is %.40s, expected two tokens", raw)
	}
	if len(tokens) != 2 {
		return fmt.Errorf("merge is %.40s, expected two tokens", raw)
	}
	m[0], m[1] = tokens[0], tokens[1]
	return nil
}
