package tokenizer

// specialNames are the tokens that have a role; "" where the files name none.
type specialNames struct{ bos, eos, pad, unk string }

// byGGUFKey gives the GGUF key of each role.
func (n *specialNames) byGGUFKey() map[string]*string {
	return map[string]*string{
		"tokenizer.ggml.bos_token_id":     &n.bos,
		"tokenizer.ggml.eos_token_id":     &n.eos,
		"tokenizer.ggml.padding_token_id": &n.pad,
		"tokenizer.ggml.unknown_token_id": &n.unk,
	}
}

// byName gives the key of each role in tokenizer_config.json and special_tokens_map.json.
func (n *specialNames) byName() map[string]*string {
	return map[string]*string{"bos_token": &n.bos, "eos_token": &n.eos, "pad_token": &n.pad, "unk_token": &n.unk}
}

// BOS is the token that begins a text; false when the files name none.
func (t *Tokenizer) BOS() (id int32, token string, ok bool) { return t.role(t.special.bos) }

// EOS is the token that ends a text or a turn; false when the files name none.
func (t *Tokenizer) EOS() (id int32, token string, ok bool) { return t.role(t.special.eos) }

// PAD is the token for padding; false when the files name none. It may be the same token as EOS: whoever masks
// padding does so by position, never by id.
func (t *Tokenizer) PAD() (id int32, token string, ok bool) { return t.role(t.special.pad) }

// UNK is the token for what the vocabulary lacks; false when the files name none.
func (t *Tokenizer) UNK() (id int32, token string, ok bool) { return t.role(t.special.unk) }

func (t *Tokenizer) role(token string) (int32, string, bool) {
	id, found := t.ids[token]
	if token == "" || !found {
		return 0, "", false
	}
	return id, token, true
}

// SetPAD makes content the padding token, adding it as a special token where the vocabulary lacks it. It does what
// transformers' add_special_tokens({"pad_token": content}) does.
func (t *Tokenizer) SetPAD(content string) (int32, error) {
	id, err := t.AddToken(content, true)
	if err != nil {
		return 0, err
	}
	t.special.pad = content
	return id, nil
}

// ChatTemplate is the Jinja template of the files, verbatim; "" when they have none.
func (t *Tokenizer) ChatTemplate() string { return t.chatTemplate }
