package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"elara/data/gguf"
	"elara/spec/fault"
)

// Keys and token types of the tokenizer inside a GGUF file.
const (
	ggufModel        = "tokenizer.ggml.model"
	ggufPre          = "tokenizer.ggml.pre"
	ggufTokens       = "tokenizer.ggml.tokens"
	ggufTypes        = "tokenizer.ggml.token_type"
	ggufMerges       = "tokenizer.ggml.merges"
	ggufAddBOS       = "tokenizer.ggml.add_bos_token"
	ggufAddEOS       = "tokenizer.ggml.add_eos_token"
	ggufChatTemplate = "tokenizer.chat_template"

	ggufControl     = 3 // special tokens
	ggufUserDefined = 4 // added tokens that are not special
	ggufUnused      = 5 // fill the vocabulary up to the size of the model's embedding
)

// loadGGUF reads the tokenizer inside a model file.
func loadGGUF(path string) (_ *Tokenizer, err error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	s := &source{place: path}
	kind, err := ggufPreset(file)
	if err != nil {
		return nil, err
	}
	if err := s.readGGUFVocabulary(file); err != nil {
		return nil, err
	}
	names, err := s.readGGUFSpecial(file)
	if err != nil {
		return nil, err
	}
	if err := kind.apply(s); err != nil {
		return nil, err
	}
	t, err := s.build()
	if err != nil {
		return nil, err
	}
	t.special = names
	if file.Has(ggufChatTemplate) {
		if t.chatTemplate, err = file.String(ggufChatTemplate); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// ggufPreset finds the components that the file names.
func ggufPreset(file *gguf.File) (preset, error) {
	model, err := file.String(ggufModel)
	if err != nil {
		return preset{}, err
	}
	if model != "gpt2" {
		return preset{}, fault.At(file.Path(), 0, "%s is %q, expected gpt2, the byte-level one", ggufModel, model)
	}
	pre, err := file.String(ggufPre)
	if err != nil {
		return preset{}, err
	}
	switch pre {
	case "gpt-2":
		return presetGPT2(false), nil
	case "smollm":
		return presetSmolLM(), nil
	case "llama-bpe":
		return presetLlama3(), nil
	case "qwen2":
		return presetQwen2(), nil
	}
	return preset{}, fault.At(file.Path(), 0, "%s is %q, expected gpt-2, smollm, llama-bpe or qwen2", ggufPre, pre)
}

func (s *source) readGGUFVocabulary(file *gguf.File) error {
	tokens, err := file.Strings(ggufTokens)
	if err != nil {
		return err
	}
	types := make([]int64, len(tokens))
	if file.Has(ggufTypes) {
		if types, err = file.Ints(ggufTypes); err != nil {
			return err
		}
		if len(types) != len(tokens) {
			return fault.At(s.place, 0, "%s has %d items, expected %d, one for each token", ggufTypes, len(types), len(tokens))
		}
	}
	for len(tokens) > 0 && types[len(tokens)-1] == ggufUnused {
		tokens = tokens[:len(tokens)-1]
	}
	for id, token := range tokens {
		s.vocabulary = append(s.vocabulary, vocabularyEntry{token, int64(id)})
		if types[id] == ggufControl || types[id] == ggufUserDefined {
			s.added = append(s.added, AddedToken{ID: int32(id), Content: token, Special: types[id] == ggufControl})
		}
	}
	merges, err := file.Strings(ggufMerges)
	if err != nil {
		return err
	}
	s.merges = mergeList{place: s.place, pairs: make([][2]string, len(merges))}
	for i, m := range merges {
		left, right, found := strings.Cut(m, " ")
		if !found || strings.Contains(right, " ") {
			return fault.At(s.place, 0, "%s item %d is %.40q, expected two tokens with one space between", ggufMerges, i, m)
		}
		s.merges.pairs[i] = [2]string{left, right}
	}
	return nil
}

// readGGUFSpecial reads the named tokens and writes the post-processor that the file asks for.
func (s *source) readGGUFSpecial(file *gguf.File) (names specialNames, _ error) {
	for key, name := range names.byGGUFKey() {
		if !file.Has(key) {
			continue
		}
		id, err := file.Uint(key)
		if err != nil {
			return names, err
		}
		if id >= uint64(len(s.vocabulary)) {
			return names, fault.At(s.place, 0, "%s is %d, expected 0 to %d", key, id, len(s.vocabulary)-1)
		}
		*name = s.vocabulary[id].token
	}
	ids := make(map[string]int32, len(s.vocabulary))
	for _, e := range s.vocabulary {
		ids[e.token] = int32(e.id)
	}
	var single []string
	special := map[string]any{}
	put := func(name string) {
		single = append(single, fmt.Sprintf(`{"SpecialToken":{"id":%s,"type_id":0}}`, quoteJSON(name)))
		special[name] = map[string]any{"id": name, "ids": []int32{ids[name]}, "tokens": []string{name}}
	}
	addBOS, err := optionalBool(file, ggufAddBOS)
	if err != nil {
		return names, err
	}
	addEOS, err := optionalBool(file, ggufAddEOS)
	if err != nil {
		return names, err
	}
	if addBOS && names.bos != "" {
		put(names.bos)
	}
	single = append(single, `{"Sequence":{"id":"A","type_id":0}}`)
	if addEOS && names.eos != "" {
		put(names.eos)
	}
	if len(special) == 0 {
		return names, nil
	}
	tokens, err := json.Marshal(special)
	if err != nil {
		return names, fmt.Errorf("write post-processor: %w", err)
	}
	one := strings.Join(single, ",")
	two := one + "," + strings.ReplaceAll(one, `"A","type_id":0`, `"B","type_id":1`)
	s.document.PostProcessor = json.RawMessage(fmt.Sprintf(
		`{"type":"TemplateProcessing","single":[%s],"pair":[%s],"special_tokens":%s}`, one, two, tokens))
	return names, nil
}

func optionalBool(file *gguf.File, key string) (bool, error) {
	if !file.Has(key) {
		return false, nil
	}
	return file.Bool(key)
}
