package tokenizer

import (
	"fmt"

	"elara/spec/fault"
)

// source is a tokenizer as files describe it, not yet checked for agreement of its parts.
type source struct {
	place        string // file that holds the vocabulary
	vocabulary   []vocabularyEntry
	merges       mergeList
	unknown      string // token for bytes that have none; "" drops them
	fuseUnknown  bool
	ignoreMerges bool

	pipeline pipeline
	template template
	added    []AddedToken // with the ids the files give them
	document document     // what tokenizer.json says beside vocabulary, merges and added tokens
}

type vocabularyEntry struct {
	token string
	id    int64
}

// mergeList is the merges by rank. Errors about one name the line, where each has its own.
type mergeList struct {
	place     string
	firstLine int // line of the first merge; 0 when lines mean nothing, as in JSON
	pairs     [][2]string
}

func (m *mergeList) refuse(rank int, format string, args ...any) error {
	line := 0
	if m.firstLine > 0 {
		line = m.firstLine + rank
	}
	text := fmt.Sprintf(format, args...)
	return fault.At(m.place, line, "merge %d, %q with %q, %s", rank+1, m.pairs[rank][0], m.pairs[rank][1], text)
}

// build checks that the parts agree and makes a tokenizer of them.
func (s *source) build() (*Tokenizer, error) {
	t := &Tokenizer{pipeline: s.pipeline, merges: s.merges.pairs}
	if err := s.enterVocabulary(t); err != nil {
		return nil, err
	}
	words, err := s.buildBPE(t)
	if err != nil {
		return nil, err
	}
	t.words = words
	for _, a := range s.added {
		if err := t.enterAdded(s.place, a); err != nil {
			return nil, err
		}
	}
	if t.prefix, t.suffix, err = s.template.resolve(s.place, t.ids); err != nil {
		return nil, err
	}
	t.origin.document = s.document
	t.origin.model = modelOptions{Unknown: s.unknown, FuseUnknown: s.fuseUnknown, IgnoreMerges: s.ignoreMerges}
	t.index()
	return t, nil
}

// enterVocabulary orders the tokens by id; ids must run from 0 without a hole.
func (s *source) enterVocabulary(t *Tokenizer) error {
	n := len(s.vocabulary)
	if n == 0 {
		return fault.At(s.place, 0, "vocabulary is empty, expected a token for each byte at least")
	}
	t.base = n
	t.tokens = make([]string, n)
	t.ids = make(map[string]int32, n)
	taken := make([]bool, n)
	for _, e := range s.vocabulary {
		if e.id < 0 || e.id >= int64(n) {
			return fault.At(s.place, 0, "token %q has id %d, expected 0 to %d for a vocabulary of %d tokens", e.token, e.id, n-1, n)
		}
		if taken[e.id] {
			return fault.At(s.place, 0, "tokens %q and %q both have id %d, expected one token for each id", t.tokens[e.id], e.token, e.id)
		}
		if first, twice := t.ids[e.token]; twice {
			return fault.At(s.place, 0, "token %q has ids %d and %d, expected one id for each token", e.token, first, e.id)
		}
		taken[e.id] = true
		t.tokens[e.id] = e.token
		t.ids[e.token] = int32(e.id)
	}
	return nil
}

// buildBPE resolves merges to ids.
func (s *source) buildBPE(t *Tokenizer) (*bpe, error) {
	b := &bpe{ranks: newRankTable(len(s.merges.pairs)), merges: len(s.merges.pairs), unknown: none, fuse: s.fuseUnknown}
	for i := range b.byteIDs {
		b.byteIDs[i] = none
		if id, found := t.ids[string(byteLevel.runes[i])]; found {
			b.byteIDs[i] = id
		}
	}
	if s.unknown != "" {
		id, found := t.ids[s.unknown]
		if !found {
			return nil, fault.At(s.place, 0, "unk_token is %q, expected a token of the vocabulary", s.unknown)
		}
		b.unknown = id
	}
	for rank, p := range s.merges.pairs {
		if p[0] == "" || p[1] == "" {
			return nil, s.merges.refuse(rank, "joins nothing, expected two tokens")
		}
		left, leftFound := t.ids[p[0]]
		right, rightFound := t.ids[p[1]]
		if !leftFound || !rightFound {
			missing := p[0]
			if leftFound {
				missing = p[1]
			}
			return nil, s.merges.refuse(rank, "names %q, expected a token of the vocabulary", missing)
		}
		joined, found := t.ids[p[0]+p[1]]
		if !found {
			return nil, s.merges.refuse(rank, "makes %q, expected a token of the vocabulary", p[0]+p[1])
		}
		// Of two ranks for the same pair the later counts, as in Python.
		b.ranks.set(newPair(left, right), merge{rank: int32(rank), id: joined})
	}
	if s.ignoreMerges {
		b.whole = make(map[string]int32, len(t.tokens))
		for id, token := range t.tokens {
			if raw, ok := byteLevel.appendRaw(nil, token); ok {
				b.whole[string(raw)] = int32(id)
			}
		}
	}
	return b, nil
}

// enterAdded adds a token that files give an id, which must be the one it gets.
func (t *Tokenizer) enterAdded(place string, a AddedToken) error {
	if a.Content == "" {
		return fault.At(place, 0, "added token %d is empty, expected at least one character", a.ID)
	}
	expected, known := t.ids[a.Content]
	if !known {
		expected = int32(len(t.tokens))
	}
	if a.ID != expected {
		return fault.At(place, 0, "added token %q has id %d, expected %d", a.Content, a.ID, expected)
	}
	t.addToken(a)
	return nil
}
