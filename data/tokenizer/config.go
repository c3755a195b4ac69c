package tokenizer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"elara/spec/fault"
)

// config is what tokenizer_config.json, special_tokens_map.json and added_tokens.json say, in the order of precedence
// of transformers: a configuration that lists its added tokens is complete; one that does not is overruled by the
// older files. Its other keys say nothing about ids.
type config struct {
	Class          string                 `json:"tokenizer_class"`
	AddPrefixSpace *bool                  `json:"add_prefix_space"`
	Added          map[int32]*configAdded `json:"added_tokens_decoder"`
	ChatTemplate   json.RawMessage        `json:"chat_template"`
	Extra          []configToken          `json:"extra_special_tokens"`
	Additional     []configToken          `json:"additional_special_tokens"`
	roles          map[string]configToken // by key, such as eos_token
	legacy         map[string]int32       // added_tokens.json
}

// configAdded is an entry of added_tokens_decoder.
type configAdded struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// configToken is a token with a role: its text, or an object with the text and flags; null is none.
type configToken struct{ AddedToken }

// UnmarshalJSON reads the three forms.
func (c *configToken) UnmarshalJSON(raw []byte) error {
	*c = configToken{}
	c.Special = true
	if string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		return json.Unmarshal(raw, &c.Content)
	}
	var full configAdded
	if err := json.Unmarshal(raw, &full); err != nil {
		return fmt.Errorf("token is %.40s, expected text or an object with content", raw)
	}
	c.Content, c.LStrip, c.RStrip = full.Content, full.LStrip, full.RStrip
	c.SingleWord, c.Normalized = full.SingleWord, full.Normalized
	return nil
}

// roleKeys are the tokens that transformers adds to the vocabulary when it lacks them, in its order.
func roleKeys() []string {
	return []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}
}

func (f *folder) readConfig() (*config, error) {
	c := &config{roles: make(map[string]configToken)}
	if f.has(configFile) {
		if err := f.unmarshal(configFile, c, "a tokenizer_config.json"); err != nil {
			return nil, err
		}
		if err := f.readRoles(configFile, c); err != nil {
			return nil, err
		}
	}
	c.setDefaults()
	if c.Added == nil && f.has(specialFile) {
		if err := f.readRoles(specialFile, c); err != nil {
			return nil, err
		}
	}
	if c.Added == nil && f.has(addedFile) {
		if err := f.unmarshal(addedFile, &c.legacy, "an object of tokens with their ids"); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (f *folder) unmarshal(name string, into any, expected string) error {
	if err := checkUTF8(f.place(name), f.files[name]); err != nil {
		return err
	}
	return unmarshalAt(f.place(name), f.files[name], into, expected)
}

func (f *folder) readRoles(name string, c *config) error {
	var all map[string]json.RawMessage
	if err := f.unmarshal(name, &all, "an object"); err != nil {
		return err
	}
	for _, key := range roleKeys() {
		raw, found := all[key]
		if !found {
			continue
		}
		var token configToken
		if err := json.Unmarshal(raw, &token); err != nil {
			return fault.At(f.place(name), 0, "%s: %w", key, err)
		}
		c.roles[key] = token
	}
	return nil
}

// class is the tokenizer's class without the suffix that tells its two implementations in Python apart.
func (c *config) class() string { return strings.TrimSuffix(c.Class, "Fast") }

// preset is the pipeline of a class, for folders without tokenizer.json.
func (c *config) preset(place string) (preset, error) {
	switch c.class() {
	case "", "GPT2Tokenizer":
		return presetGPT2(c.AddPrefixSpace != nil && *c.AddPrefixSpace), nil
	case "Qwen2Tokenizer":
		return presetQwen2(), nil
	}
	return preset{}, fault.At(place, 0, "tokenizer_class is %q, expected GPT2Tokenizer or Qwen2Tokenizer where there is no %s", c.Class, tokenizerFile)
}

// setDefaults gives the roles that a class has without its file saying so.
func (c *config) setDefaults() {
	var keys []string
	switch c.class() {
	case "GPT2Tokenizer":
		keys = []string{"bos_token", "eos_token", "unk_token"}
	case "Qwen2Tokenizer":
		keys = []string{"eos_token", "unk_token", "pad_token"}
	}
	for _, key := range keys {
		if _, named := c.roles[key]; !named {
			c.roles[key] = configToken{AddedToken{Content: defaultEndToken, Special: true}}
		}
	}
}

// apply adds what the configuration adds to the tokenizer, and names its roles.
func (c *config) apply(t *Tokenizer, f *folder) error {
	if err := c.addListed(t, f); err != nil {
		return err
	}
	if c.class() == "" && !f.has(tokenizerFile) {
		c.nameDefaultEnd(t)
	}
	for _, key := range roleKeys() {
		c.addUnlisted(t, c.roles[key])
	}
	for _, token := range slices.Concat(c.Extra, c.Additional) {
		c.addUnlisted(t, token)
	}
	for key, name := range t.special.byName() {
		*name = c.roles[key].Content
	}
	t.index()
	return c.readChatTemplate(t, f)
}

// addListed adds tokens that the files list with ids, lowest id first.
func (c *config) addListed(t *Tokenizer, f *folder) error {
	for _, id := range slices.Sorted(maps.Keys(c.Added)) {
		a := c.Added[id]
		if a == nil {
			return fault.At(f.place(configFile), 0, "added_tokens_decoder %d is null, expected a token", id)
		}
		token := AddedToken{ID: id, Content: a.Content, Special: a.Special, Normalized: a.Normalized,
			LStrip: a.LStrip, RStrip: a.RStrip, SingleWord: a.SingleWord}
		if err := t.enterAdded(f.place(configFile), token); err != nil {
			return err
		}
	}
	type listed struct {
		content string
		id      int32
	}
	var legacy []listed
	for content, id := range c.legacy {
		legacy = append(legacy, listed{content, id})
	}
	slices.SortFunc(legacy, func(a, b listed) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.content, b.content)) })
	for _, l := range legacy {
		if t.isAdded(l.content) { // tokenizer.json has it with its flags
			continue
		}
		special := slices.ContainsFunc(roleKeys(), func(key string) bool { return c.roles[key].Content == l.content })
		if err := t.enterAdded(f.place(addedFile), AddedToken{ID: l.id, Content: l.content, Special: special, Normalized: !special}); err != nil {
			return err
		}
	}
	return nil
}

// addUnlisted adds a token with a role if it is not an added token already.
func (c *config) addUnlisted(t *Tokenizer, token configToken) {
	if token.Content != "" && !t.isAdded(token.Content) {
		t.addToken(token.AddedToken)
	}
}

// nameDefaultEnd gives a folder that only holds GPT-2's pair of files GPT-2's end token, if its vocabulary has it.
func (c *config) nameDefaultEnd(t *Tokenizer) {
	if _, found := t.ids[defaultEndToken]; !found {
		return
	}
	for _, key := range []string{"bos_token", "eos_token", "unk_token"} {
		if c.roles[key].Content == "" {
			c.roles[key] = configToken{AddedToken{Content: defaultEndToken, Special: true}}
		}
	}
}

// readChatTemplate takes the template from its own file or from the configuration, where it may have variants.
func (c *config) readChatTemplate(t *Tokenizer, f *folder) error {
	if f.has(jinjaFile) {
		t.chatTemplate = string(f.files[jinjaFile])
		return nil
	}
	if len(c.ChatTemplate) == 0 || string(c.ChatTemplate) == "null" {
		return nil
	}
	if c.ChatTemplate[0] == '"' {
		return json.Unmarshal(c.ChatTemplate, &t.chatTemplate)
	}
	var variants []struct{ Name, Template string }
	if err := json.Unmarshal(c.ChatTemplate, &variants); err != nil {
		return fault.At(f.place(configFile), 0, "chat_template is %.40s, expected text or a list of named templates", c.ChatTemplate)
	}
	for _, v := range variants {
		if v.Name == "default" {
			t.chatTemplate = v.Template
		}
	}
	return nil
}
