package tokenizer

import (
	"fmt"
	"slices"

	"elara/data/gguf"
	"elara/spec/fault"
)

const ggufNormal = 1 // a token of the vocabulary proper

// GGUF gives the metadata under which llama.cpp and loadGGUF find this tokenizer in a model file, its chat template
// excepted. rows is the number of rows of the model's embedding: those beyond the vocabulary become unused tokens. place
// stands for the tokenizer in errors. What llama.cpp would tokenise in another way is refused.
func (t *Tokenizer) GGUF(place string, rows int) ([]gguf.Entry, error) {
	pre, err := t.ggufPre(place)
	if err != nil {
		return nil, err
	}
	if len(t.tokens) > rows {
		return nil, fault.At(place, 0, "tokenizer has %d tokens, and the model's embedding %d rows, expected no fewer rows than tokens",
			len(t.tokens), rows)
	}
	tokens, types := slices.Clone(t.tokens), make([]int32, rows)
	for id := range types {
		types[id] = ggufNormal
		if id >= len(t.tokens) {
			tokens, types[id] = append(tokens, fmt.Sprintf("[PAD%d]", id)), ggufUnused
		}
	}
	for _, a := range t.added {
		if a.LStrip || a.RStrip || a.SingleWord {
			return nil, fault.At(place, 0, "added token %q takes white space along or stands alone only, which a GGUF file cannot say", a.Content)
		}
		types[a.ID] = ggufUserDefined
		if a.Special {
			types[a.ID] = ggufControl
		}
	}
	merges := make([]string, len(t.merges))
	for i, m := range t.merges {
		merges[i] = m[0] + " " + m[1]
	}
	addBOS, err := t.addsOnly(place, t.prefix, t.special.bos, "beginning")
	if err != nil {
		return nil, err
	}
	addEOS, err := t.addsOnly(place, t.suffix, t.special.eos, "end")
	if err != nil {
		return nil, err
	}
	entries := []gguf.Entry{{Key: ggufModel, Value: "gpt2"}, {Key: ggufPre, Value: pre}, {Key: ggufTokens, Value: tokens},
		{Key: ggufTypes, Value: types}, {Key: ggufMerges, Value: merges}}
	roles := t.special.byGGUFKey()
	for _, role := range []string{"bos", "eos", "unknown", "padding"} {
		key := "tokenizer.ggml." + role + "_token_id"
		if id, _, found := t.role(*roles[key]); found {
			entries = append(entries, gguf.Entry{Key: key, Value: uint32(id)})
		}
	}
	// Both are always said: llama.cpp's own defaults depend on the pre-tokenizer.
	return append(entries, gguf.Entry{Key: ggufAddBOS, Value: addBOS}, gguf.Entry{Key: ggufAddEOS, Value: addEOS}), nil
}

// ggufPre is llama.cpp's name for the pipeline. llama.cpp tells pipelines apart by the ids of a probe; here their components
// are known.
func (t *Tokenizer) ggufPre(place string) (string, error) {
	pipeline, whole := t.pipeline.describe(), t.words.whole != nil
	for _, known := range []struct {
		pipeline, pre string
		whole         bool
	}{{"gpt2 ", "gpt-2", false}, {"digit gpt2 ", "smollm", false}, {"llama3 ", "llama-bpe", true}, {"nfc qwen2 ", "qwen2", false}} {
		if known.pipeline == pipeline && known.whole == whole {
			return known.pre, nil
		}
	}
	return "", fault.At(place, 0, "tokenizer splits by %q (ignore_merges %t), expected the way of GPT-2, SmolLM, Llama-3 or Qwen2, "+
		"which a GGUF file has names for", pipeline, whole)
}

// addsOnly reports whether EncodeWithSpecial puts the named token, and only that, at one end of the text.
func (t *Tokenizer) addsOnly(place string, ids []int32, token, where string) (bool, error) {
	if len(ids) == 0 {
		return false, nil
	}
	if id, _, found := t.role(token); found && len(ids) == 1 && ids[0] == id {
		return true, nil
	}
	return false, fault.At(place, 0, "tokenizer puts the tokens %v at the %s of a text, expected none or the one named for it: "+
		"a GGUF file knows no other", ids, where)
}
