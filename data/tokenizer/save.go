package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// origin is what Save needs to write the files that were loaded.
type origin struct {
	files    map[string][]byte // as they were loaded, by name; nil when they came out of a GGUF file
	document document          // tokenizer.json without its vocabulary
	model    modelOptions
	changed  bool // by AddToken
}

// modelOptions are the settings of the model in tokenizer.json.
type modelOptions struct {
	Unknown                   string
	FuseUnknown, IgnoreMerges bool
}

// Save writes the files from which transformers' AutoTokenizer loads the same tokenizer, into a folder that it makes
// if need be. Files that were loaded are written as they were, byte for byte, but for what AddToken and SetPAD
// changed in them; tokenizer.json, tokenizer_config.json and special_tokens_map.json are made where they were not
// among them. A tokenizer with GPT-2's pipeline gets vocab.json and merges.txt too.
func (t *Tokenizer) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save tokenizer: %w", err)
	}
	files, err := t.savedFiles()
	if err != nil {
		return fmt.Errorf("save tokenizer: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return fmt.Errorf("save tokenizer: %w", err)
		}
	}
	return nil
}

// savedFiles gives the contents of the files by name.
func (t *Tokenizer) savedFiles() (map[string][]byte, error) {
	files := maps.Clone(t.origin.files)
	if files == nil {
		files = make(map[string][]byte)
	}
	writers := []struct {
		name  string
		write func(before []byte) ([]byte, error)
	}{
		{tokenizerFile, t.writeDocument},
		{configFile, t.writeConfig},
		{specialFile, t.writeRoles},
	}
	if _, found := files[addedFile]; found {
		writers = append(writers, struct {
			name  string
			write func(before []byte) ([]byte, error)
		}{addedFile, t.writeLegacyAdded})
	}
	for _, w := range writers {
		if _, found := files[w.name]; found && !t.origin.changed {
			continue
		}
		text, err := w.write(files[w.name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		files[w.name] = text
	}
	if t.pipeline.describe() == "gpt2 " && files[vocabularyFile] == nil && files[mergesFile] == nil {
		vocabulary, err := t.writeVocabulary()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", vocabularyFile, err)
		}
		files[vocabularyFile], files[mergesFile] = vocabulary, t.writeMerges()
	}
	return files, nil
}

// writeDocument writes tokenizer.json, with the model of the file before if there was one.
func (t *Tokenizer) writeDocument(before []byte) ([]byte, error) {
	d := t.origin.document
	if before != nil {
		if err := json.Unmarshal(before, &d); err != nil {
			return nil, fmt.Errorf("read again: %w", err)
		}
	} else {
		vocabulary, err := t.writeVocabulary()
		if err != nil {
			return nil, err
		}
		if d.Model, err = t.writeModel(vocabulary); err != nil {
			return nil, err
		}
	}
	d.AddedTokens = make([]addedJSON, len(t.added))
	for i, a := range t.added {
		d.AddedTokens[i] = a.json()
	}
	slices.SortFunc(d.AddedTokens, func(a, b addedJSON) int { return int(a.ID - b.ID) })
	return marshalJSON(d)
}

func (t *Tokenizer) writeModel(vocabulary []byte) (json.RawMessage, error) {
	var unknown *string
	if t.origin.model.Unknown != "" {
		unknown = &t.origin.model.Unknown
	}
	merges := make([]string, len(t.merges))
	for i, m := range t.merges { // byte-level tokens have no space; older readers know this form only
		merges[i] = m[0] + " " + m[1]
	}
	return marshalJSON(struct {
		Type         string          `json:"type"`
		Dropout      *float64        `json:"dropout"`
		Unknown      *string         `json:"unk_token"`
		Prefix       *string         `json:"continuing_subword_prefix"`
		Suffix       *string         `json:"end_of_word_suffix"`
		FuseUnknown  bool            `json:"fuse_unk"`
		ByteFallback bool            `json:"byte_fallback"`
		IgnoreMerges bool            `json:"ignore_merges"`
		Vocabulary   json.RawMessage `json:"vocab"`
		Merges       []string        `json:"merges"`
	}{Type: "BPE", Unknown: unknown, FuseUnknown: t.origin.model.FuseUnknown,
		IgnoreMerges: t.origin.model.IgnoreMerges, Vocabulary: vocabulary, Merges: merges})
}

// writeVocabulary writes vocab.json in the order of ids.
func (t *Tokenizer) writeVocabulary() ([]byte, error) {
	b := bytes.NewBufferString("{")
	for id, token := range t.tokens[:t.base] {
		if id > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%s:%d", quoteJSON(token), id)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (t *Tokenizer) writeMerges() []byte {
	b := bytes.NewBufferString("#version: 0.2\n")
	for _, m := range t.merges {
		b.WriteString(m[0] + " " + m[1] + "\n")
	}
	return b.Bytes()
}

// writeConfig writes tokenizer_config.json: the one before with the roles as they are now, or a new one.
func (t *Tokenizer) writeConfig(before []byte) ([]byte, error) {
	keys := make(map[string]json.RawMessage)
	if before != nil {
		if err := json.Unmarshal(before, &keys); err != nil {
			return nil, fmt.Errorf("read again: %w", err)
		}
	} else {
		keys["clean_up_tokenization_spaces"] = json.RawMessage("false")
		keys["tokenizer_class"] = json.RawMessage(quoteJSON(t.newClass()))
		if t.chatTemplate != "" {
			keys["chat_template"] = json.RawMessage(quoteJSON(t.chatTemplate))
		}
	}
	for key, token := range t.special.byName() {
		if *token != "" && roleText(keys[key]) != *token {
			keys[key] = json.RawMessage(quoteJSON(*token))
		}
	}
	if raw, listed := keys["added_tokens_decoder"]; listed {
		extended, err := t.extendAdded(raw)
		if err != nil {
			return nil, err
		}
		keys["added_tokens_decoder"] = extended
	}
	return indented(keys)
}

// newClass is the class of a tokenizer that came without a configuration. The general one takes tokenizer.json as it
// is; GPT-2's own is named where files for it are written.
func (t *Tokenizer) newClass() string {
	if t.origin.files[vocabularyFile] != nil {
		return "GPT2Tokenizer"
	}
	return "PreTrainedTokenizerFast"
}

// roleText is the token that a role names, as text or in an object.
func roleText(raw json.RawMessage) string {
	var token configToken
	if len(raw) == 0 || json.Unmarshal(raw, &token) != nil {
		return ""
	}
	return token.Content
}

// extendAdded puts added tokens into added_tokens_decoder that it does not list.
func (t *Tokenizer) extendAdded(raw json.RawMessage) (json.RawMessage, error) {
	listed := make(map[string]json.RawMessage)
	if err := json.Unmarshal(raw, &listed); err != nil {
		return nil, fmt.Errorf("read again: %w", err)
	}
	for _, a := range t.added {
		entry, err := marshalJSON(configAdded{Content: a.Content, SingleWord: a.SingleWord, LStrip: a.LStrip,
			RStrip: a.RStrip, Normalized: a.Normalized, Special: a.Special})
		if err != nil {
			return nil, err
		}
		listed[strconv.Itoa(int(a.ID))] = entry
	}
	return marshalJSON(listed)
}

// writeRoles writes special_tokens_map.json: the one before with the roles as they are now.
func (t *Tokenizer) writeRoles(before []byte) ([]byte, error) {
	keys := make(map[string]json.RawMessage)
	if before != nil {
		if err := json.Unmarshal(before, &keys); err != nil {
			return nil, fmt.Errorf("read again: %w", err)
		}
	}
	for key, token := range t.special.byName() {
		if *token != "" && roleText(keys[key]) != *token {
			keys[key] = json.RawMessage(quoteJSON(*token))
		}
	}
	return indented(keys)
}

// writeLegacyAdded puts new tokens into added_tokens.json, for readers that still look there.
func (t *Tokenizer) writeLegacyAdded(before []byte) ([]byte, error) {
	ids := make(map[string]int32)
	if err := json.Unmarshal(before, &ids); err != nil {
		return nil, fmt.Errorf("read again: %w", err)
	}
	for _, a := range t.added {
		if int(a.ID) >= t.base {
			ids[a.Content] = a.ID
		}
	}
	return indented(ids)
}

// indented writes an object for people, keys in order.
func indented(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return b.Bytes(), nil
}
