package tokenizer

import (
	"slices"

	"elara/spec/fault"
)

// Tokenizer turns text into token ids and back. Once loaded it may be used from several goroutines at once; AddToken
// and SetPAD change it and must come before that.
type Tokenizer struct {
	tokens []string         // by id, added tokens included
	ids    map[string]int32 // by token
	base   int              // size of the vocabulary without added tokens
	merges [][2]string      // by rank, for the hash and for Save

	pipeline pipeline
	words    *bpe
	added    []AddedToken     // by time of adding
	specials map[int32]bool   // ids of added tokens that are special
	spelt    map[int32]string // how Decode spells added tokens that normalisation changes
	before   *matcher         // added tokens looked for before normalisation, or nil
	after    *matcher         // added tokens looked for after it, or nil

	prefix, suffix []int32 // what EncodeWithSpecial puts around the text
	special        specialNames
	chatTemplate   string
	origin         origin
}

// Encode gives the ids of text. Added tokens in the text are recognised; none is put around it. A byte for which the
// vocabulary has no token is dropped, or becomes the unknown token where there is one, as in Python.
func (t *Tokenizer) Encode(text string) []int32 {
	// A token has about four bytes in English.
	return t.AppendEncode(make([]int32, 0, len(text)/4+4), text)
}

// AppendEncode is Encode into a slice of the caller's.
func (t *Tokenizer) AppendEncode(dst []int32, text string) []int32 {
	w := t.words.idle.take()
	dst = t.appendText(dst, text, w)
	t.words.idle.giveBack(w)
	return dst
}

func (t *Tokenizer) appendText(dst []int32, text string, w *workspace) []int32 {
	if t.before == nil {
		return t.appendNormalized(dst, text, w)
	}
	t.before.split(text,
		func(s string) { dst = t.appendNormalized(dst, s, w) },
		func(a AddedToken) { dst = append(dst, a.ID) })
	return dst
}

func (t *Tokenizer) appendNormalized(dst []int32, text string, w *workspace) []int32 {
	text = t.pipeline.normalize(text)
	if text == "" {
		return dst
	}
	if t.after == nil {
		return t.pipeline.appendWords(dst, text, 0, t.words, w)
	}
	t.after.split(text,
		func(s string) { dst = t.pipeline.appendWords(dst, s, 0, t.words, w) },
		func(a AddedToken) { dst = append(dst, a.ID) })
	return dst
}

// EncodeWithSpecial is Encode with the tokens around it that the tokenizer's post-processor asks for, such as
// Llama-3's begin-of-text.
func (t *Tokenizer) EncodeWithSpecial(text string) []int32 {
	dst := make([]int32, 0, len(text)/4+4)
	dst = append(dst, t.prefix...)
	dst = t.AppendEncode(dst, text)
	return append(dst, t.suffix...)
}

// VocabSize is the number of tokens, added ones included; ids go from 0 to one less.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// Token is the token of an id as the vocabulary spells it; false when no token has the id.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.tokens) {
		return "", false
	}
	return t.tokens[id], true
}

// ID is the id of a token spelt as in the vocabulary; false when there is none.
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, found := t.ids[token]
	return id, found
}

// AddedTokens lists the added tokens in the order they were added.
func (t *Tokenizer) AddedTokens() []AddedToken { return slices.Clone(t.added) }

// AddToken makes content a token of its own and returns its id: the one it has already, or the next free one, which
// is VocabSize. It does what transformers' add_special_tokens (special) and add_tokens (not special) do.
func (t *Tokenizer) AddToken(content string, special bool) (int32, error) {
	if content == "" {
		return 0, fault.New(fault.Invalid, "add token: content is empty, expected at least one character")
	}
	id := t.addToken(AddedToken{Content: content, Special: special, Normalized: !special})
	t.origin.changed = true
	t.index()
	return id, nil
}

// addToken enters one added token; index must follow. A token that is added again gets the new flags.
func (t *Tokenizer) addToken(a AddedToken) int32 {
	id, known := t.ids[a.Content]
	if !known {
		id = int32(len(t.tokens))
		t.tokens = append(t.tokens, a.Content)
		t.ids[a.Content] = id
	}
	a.ID = id
	if i := slices.IndexFunc(t.added, func(b AddedToken) bool { return b.ID == id }); i >= 0 {
		t.added[i] = a
		return id
	}
	t.added = append(t.added, a)
	return id
}

// isAdded reports whether content is an added token.
func (t *Tokenizer) isAdded(content string) bool {
	return slices.ContainsFunc(t.added, func(a AddedToken) bool { return a.Content == content })
}

// index builds the matchers for the added tokens.
func (t *Tokenizer) index() {
	var before, after []AddedToken
	t.specials, t.spelt = make(map[int32]bool), make(map[int32]string)
	for _, a := range t.added {
		if a.Special {
			t.specials[a.ID] = true
		}
		if a.Normalized {
			if spelt := t.pipeline.normalize(a.Content); spelt != a.Content {
				t.spelt[a.ID] = spelt
			}
			after = append(after, a)
			continue
		}
		before = append(before, a)
	}
	t.before = newMatcher(before, func(s string) string { return s })
	t.after = newMatcher(after, t.pipeline.normalize)
}
